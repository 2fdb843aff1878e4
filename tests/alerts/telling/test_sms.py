"""Text messages: GSM characters, few segments, the commune and the state first; whose phone it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.incident import Step
from alerts.telling import sms
from tests.alerts.messages import message

VIETNAMESE = (
    "aăâbcdđeêghiklmnoôơpqrstuưvxyAĂÂĐÊÔƠƯ áàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ"
)


@given(st.text(max_size=400))
def test_every_text_becomes_gsm_characters_of_one_septet_on_one_line(text: str) -> None:
    plain = sms.unaccented(text)
    assert set(plain) <= sms.GSM and plain.isascii() and plain.isprintable()
    assert sms.unaccented(plain) == plain


@given(st.text(VIETNAMESE, max_size=200))
def test_vietnamese_keeps_every_letter_and_loses_only_the_marks(text: str) -> None:
    plain = sms.unaccented(text)
    assert "?" not in plain
    assert len(plain) == len(" ".join(text.split()))


@given(st.text(max_size=2000), st.integers(1, 4))
def test_what_is_cut_fits(text: str, parts: int) -> None:
    cut = sms.cut(sms.unaccented(text), parts)
    assert sms.segments(cut) <= parts


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=100), st.integers(1, 4))
def test_no_text_of_a_device_makes_a_message_longer_than_paid_for_or_of_two_lines(
    title: str, place: str, link: str, parts: int
) -> None:
    told = sms.short(replace(message(), title=title, place=place, link=link), parts)
    assert sms.segments(told) <= parts and "\n" not in told


def test_a_name_that_looks_like_a_link_is_none_in_a_text_message() -> None:
    told = sms.short(replace(message(title="https://evil.vn/x 192.0.2.1"), link="http://m/incidents/1"), 2)
    assert told == "https: //evil. vn/x 192.0.2.1. 08:12 23/11 http://m/incidents/1"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("[" * 80, 1),
        ("[" * 81, 2),
        ("ạ" * 70, 1),
        ("ạ" * 71, 2),
        ("\N{PILE OF POO}" * 35, 1),
        ("\N{PILE OF POO}" * 36, 2),
    ],
)
def test_segments_are_counted_as_carriers_charge_them(text: str, count: int) -> None:
    assert sms.segments(text) == count


def test_the_commune_and_the_state_come_first() -> None:
    opened = replace(
        message(title="[SỰ CỐ NGHIÊM TRỌNG] Xã Thạch Hà: router xã mất kết nối"),
        place="Xã Thạch Hà",
        link="http://giamsat.hatinh.gov.vn/incidents/12",
    )
    assert sms.short(opened, 1) == (
        "Xa Thach Ha: SU CO NGHIEM TRONG. router xa mat ket noi. 08:12 23/11 http://giamsat.hatinh.gov.vn/incidents/12"
    )
    ended = replace(opened.incident, resolved_at=opened.incident.opened_at + timedelta(hours=1))
    over = replace(
        opened, step=Step.RESOLVED, incident=ended, title="[ĐÃ KHẮC PHỤC] Xã Thạch Hà: xong", link=""
    )
    assert sms.short(over, 1) == "Xa Thach Ha: DA KHAC PHUC. xong. 09:12 23/11"
    assert sms.short(replace(opened, title="[TỔNG HỢP] Còn 5 sự cố nữa", place=""), 1).startswith(
        "TONG HOP: Con 5 su co nua. 08:12 23/11"
    )


@pytest.mark.parametrize(
    "text", ["0912345678", "+84912345678", "84 912 345 678", "0912.345.678", "(091) 234-5678"]
)
def test_a_number_is_understood_however_people_write_it(text: str) -> None:
    assert sms.phone(text) == "84912345678"
    assert sms.national(sms.phone(text)) == "0912345678"


@pytest.mark.parametrize(
    "text", ["", "113", "+1 202 555 0100", "0912345678; rm", "09123456789012", "٠٩١٢٣٤٥٦٧٨", "0" * 5000]
)
def test_what_is_no_vietnamese_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Vietnamese phone number"):
        sms.phone(text)
