#!/bin/sh
# Makes the random secrets of docker-compose.yml that are not there yet. The folder is its owner's alone; the files
# must be readable by the users inside the containers, which see nothing else of it.
set -eu
folder=$(dirname "$0")/secrets
mkdir -p "$folder"
chmod 0700 "$folder"
for name in influxdb-token influxdb-password grafana-password; do
    file=$folder/$name
    if [ -s "$file" ]; then
        echo "kept   $file"
    else
        od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$file"
        chmod 0444 "$file"
        echo "made   $file"
    fi
done
