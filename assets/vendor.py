"""Copy and bundle the locked web assets into the package, with licences and checksums; `--check` only compares.

python assets/vendor.py            fetch what package-lock.json names (npm ci), copy, write SHA256SUMS
python assets/vendor.py --check    needs no network: the committed files are exactly those of SHA256SUMS
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENDOR = HERE.parent / "monitor" / "web" / "static" / "vendor"
SUMS = VENDOR / "SHA256SUMS"
FILES = {
    # One file: between two deferred scripts htmx may start, and an extension that comes later is not used.
    "htmx.min.js": ("htmx.org/dist/htmx.min.js", "htmx.org/dist/ext/hx-sse.min.js"),
    "LICENSE.htmx": ("htmx.org/LICENSE",),
    "uPlot.iife.min.js": ("uplot/dist/uPlot.iife.min.js",),
    "uPlot.min.css": ("uplot/dist/uPlot.min.css",),
    "LICENSE.uPlot": ("uplot/LICENSE",),
    "LICENSE.codemirror": ("codemirror/LICENSE",),
}
BUNDLES = {"editor.js": "editor.mjs"}
"""Scripts of ours with what they import, made one file by esbuild."""


def sums(folder: Path) -> str:
    """Return the lines of SHA256SUMS for every other file in `folder`."""
    names = sorted(path.name for path in folder.iterdir() if path.name != SUMS.name)
    return "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)


def mistakes(folder: Path = VENDOR) -> list[str]:
    """Return what differs from the committed checksums, a line each; empty when all is well."""
    wanted, found = set((folder / SUMS.name).read_text().splitlines()), set(sums(folder).splitlines())
    missing = FILES.keys() | BUNDLES.keys()
    missing -= {path.name for path in folder.iterdir()}
    return [
        *(f"missing: {name}" for name in sorted(missing)),
        *(f"not as committed: {line}" for line in sorted(wanted ^ found)),
    ]


def vendor() -> None:
    """Fetch and copy. Raises `subprocess.CalledProcessError` when npm fails."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is missing: apt-get install npm")
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, check=True)  # noqa: S603
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for name, sources in FILES.items():
        texts = [_without_map((HERE / "node_modules" / source).read_bytes()) for source in sources]
        (VENDOR / name).write_bytes(b"\n".join(texts))
    for name, source in BUNDLES.items():
        _bundle(HERE / source, VENDOR / name)
    SUMS.write_text(sums(VENDOR))


def _bundle(source: Path, target: Path) -> None:
    esbuild = HERE / "node_modules" / ".bin" / "esbuild"
    how = (
        "--bundle",
        "--minify",
        "--format=iife",
        "--target=es2022",
        "--charset=utf8",
        "--legal-comments=none",
    )
    subprocess.run([esbuild, source, *how, f"--outfile={target}"], cwd=HERE, check=True)  # noqa: S603


def _without_map(text: bytes) -> bytes:
    """Drop the reference to a source map that is not shipped, which browsers' tools would miss."""
    return b"\n".join(line for line in text.split(b"\n") if not line.startswith(b"//# sourceMappingURL="))


def main(arguments: list[str]) -> int:
    """Vendor, or with ``--check`` compare; return the exit code."""
    if arguments != ["--check"]:
        vendor()
    problems = mistakes()
    print("\n".join(problems) or f"{VENDOR.name}: {len(FILES) + len(BUNDLES)} files as locked")  # noqa: T201
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
