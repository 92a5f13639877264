"""Files from outside: told by their bytes, redrawn if they are pictures, on disk before anybody hears of them."""

import hashlib
import os
import stat
import struct
import wave
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from hub.media import OPAQUE, FileStore, MediaError, clean_name, examine

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"


def picture(encoding: str, size: tuple[int, int] = (8, 4), mode: str = "RGB", **options: Any) -> bytes:
    out = BytesIO()
    image = Image.new(mode, size)
    image.putpixel((0, 0), 255 if mode in ("L", "P", "I;16") else tuple([255] * len(mode)))
    image.save(out, encoding, **options)
    return out.getvalue()


def archive(*names: str, mimetype: str = "") -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        if mimetype:
            written.writestr("mimetype", mimetype)
        for name in names:
            written.writestr(name, "x")
    return out.getvalue()


def sound() -> bytes:
    out = BytesIO()
    with wave.open(out, "wb") as written:
        written.setparams((1, 2, 8_000, 1, "NONE", ""))
        written.writeframes(b"\0\0")
    return out.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A small file that says it is a huge picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1_000)) + chunk(b"IEND", b"")


ACCEPTED = [
    (picture("JPEG"), "image/jpeg"),
    (picture("PNG"), "image/png"),
    (picture("GIF"), "image/gif"),
    (picture("WEBP"), "image/webp"),
    (b"%PDF-1.7\n%...", "application/pdf"),
    ("注文番号 12345\r\n".encode(), "text/plain"),
    (b"a <b and c> d", "text/plain"),
    (b"ID3\x04\x00", "audio/mpeg"),
    (b"\xff\xfb\x90\x00", "audio/mpeg"),
    (b"OggS\x00\x02", "audio/ogg"),
    (b"\0\0\0\x20ftypM4A \0\0\0\0", "audio/mp4"),
    (sound(), "audio/wav"),
    (b"\0\0\0\x20ftypisom\0\0\0\0", "video/mp4"),
    (b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x82\x84webm", "video/webm"),
    (archive("[Content_Types].xml", "word/document.xml"), DOCX),
    (archive("[Content_Types].xml", "xl/workbook.xml"), XLSX),
    (archive("content.xml", mimetype=ODT), ODT),
    (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', OPAQUE),
    (b"<!DOCTYPE html><script>alert(1)</script>", OPAQUE),
    (b'\xef\xbb\xbf \n<?xml version="1.0"?><a/>', OPAQUE),
    (b"harmless start\n" * 20 + b"<ScRiPt>alert(1)</sCrIpT>", OPAQUE),
]

REFUSED = [
    b"",
    b"MZ\x90\x00\x03",
    b"\x7fELF\x02\x01",
    b"PK\x03\x04",
    archive("a.txt"),
    archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
    archive("content.xml", mimetype="application/vnd.oasis.opendocument.presentation"),
    b"RIFF\0\0\0\0AVI ",
    b"\0\0\0\x20ftypqt  ",
    b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x82\x88matroska",
    b"\xff\xfeh\0i\0",
    b"text with \0 in it",
    "日本語".encode("shift_jis"),
    b"\xff\xd8\xff\xe0 cut",
    picture("PNG")[:45],
    picture("JPEG", (64, 64))[:300],
    b"GIF89a",
    b"RIFF\x10\0\0\0WEBPVP8 ",
]


@pytest.mark.parametrize(("data", "media_type"), ACCEPTED)
@pytest.mark.parametrize("declared", ["", "text/html", "image/png"])
def test_a_file_is_what_its_bytes_say(data: bytes, media_type: str, declared: str) -> None:  # S-13
    examined = examine(data, "evil.html", declared)
    assert examined.media_type == media_type
    assert examined.sha256 == hashlib.sha256(examined.data).hexdigest()
    assert (examined.width is not None) is media_type.startswith("image/")
    assert examined.name.endswith(".html") is (media_type == OPAQUE)


@pytest.mark.parametrize("data", REFUSED)
def test_anything_else_is_refused(data: bytes) -> None:  # S-13
    with pytest.raises(MediaError) as error:
        examine(data, "photo.jpg", "image/jpeg")
    assert error.value.field == "file"


def test_text_in_an_old_encoding_is_taken_on_its_word() -> None:
    examined = examine("日本語のメモ".encode("shift_jis"), "memo.txt", "text/plain; charset=Shift_JIS")
    assert (examined.media_type, examined.data.decode("shift_jis")) == ("text/plain", "日本語のメモ")


def test_pictures_lose_everything_but_their_pixels() -> None:  # S-13
    exif = Image.Exif()
    exif[0x010F] = "canary camera"
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    whole = picture("JPEG", (8, 4), exif=exif, comment=b"canary comment", icc_profile=b"canary profile")
    examined = examine(whole + b"<script>canary</script>", "a.jpg", "image/jpeg")
    assert b"canary" in whole
    assert b"canary" not in examined.data
    assert b"Exif" not in examined.data
    assert (examined.width, examined.height) == (4, 8)
    with Image.open(BytesIO(examined.data)) as redrawn:
        assert redrawn.size == (4, 8)
        assert not redrawn.getexif()


@pytest.mark.parametrize("encoding", ["PNG", "GIF", "WEBP"])
def test_other_pictures_lose_their_metadata_too(encoding: str) -> None:  # S-13
    exif = Image.Exif()
    exif[0x010F] = "canary camera"
    options: dict[str, Any] = {"comment": b"canary"} if encoding == "GIF" else {"exif": exif}
    whole = picture(encoding, **options)
    assert b"canary" in whole
    assert b"canary" not in examine(whole, "a", "").data


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_costs_no_picture() -> None:
    examined = examine(picture("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), "a.jpg", "")
    assert (examined.width, examined.height) == (8, 4)


@pytest.mark.parametrize(
    ("encoding", "mode"),
    [("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "L"), ("PNG", "I;16"), ("WEBP", "RGBA"), ("JPEG", "L"), ("JPEG", "CMYK")],
)
def test_every_kind_of_pixel_survives(encoding: str, mode: str) -> None:
    examined = examine(picture(encoding, mode=mode), "a", "")
    with Image.open(BytesIO(examined.data)) as redrawn:
        assert redrawn.mode == ("RGBA" if mode.endswith("A") else "RGB")


def test_a_moving_picture_keeps_its_first_frame() -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "green", "blue")]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    with Image.open(BytesIO(examine(out.getvalue(), "a.gif", "").data)) as redrawn:
        assert getattr(redrawn, "n_frames", 1) == 1
        assert redrawn.convert("RGB").getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("side", [7_000, 12_000, 60_000])
def test_a_bomb_is_refused_before_it_goes_off(side: int) -> None:  # S-13
    with pytest.raises(MediaError, match="megapixels"):
        examine(png_claiming(side, side), "a.png", "image/png")


@given(
    data=st.binary(max_size=200),
    start=st.sampled_from([data[:at] for data, _ in ACCEPTED for at in (4, 12, 40, 200)]),
    name=st.text(max_size=20),
)
@example(data=b"", start=picture("PNG"), name="\udcff/\0..")
def test_no_file_makes_it_raise_anything_else(data: bytes, start: bytes, name: str) -> None:
    try:
        examined = examine(start + data, name, "text/plain")
    except MediaError:
        return
    assert examined.data
    assert examined.name


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.pdf", "a.pdf"),
        ("注文書.pdf", "注文書.pdf"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie_ x.txt"),
        ("gpj\u202e.exe", "gpj.exe"),
        ("\x00\x1b[2J.txt", "[2J.txt"),
        ('"><img src=x>.png', "___img src=x_.png"),
        ("...", "file"),
        ("", "file"),
        ("/", "file"),
        ("\ud800.png", "\ufffd.png"),
        ("x" * 300 + ".tar.gz", "x" * 117 + ".gz"),
    ],
)
def test_names_are_cleaned(name: str, kept: str) -> None:  # S-13
    assert clean_name(name) == kept


@given(st.text(max_size=400))
def test_a_name_is_never_a_path_or_too_long(name: str) -> None:
    kept = clean_name(name)
    assert 0 < len(kept) <= 120
    assert not set(kept) & set('/\\\0\r\n<>:"|?*')
    assert clean_name(kept) == kept


@pytest.mark.parametrize(
    ("name", "kept"), [("a.exe", "a.jpg"), ("a.JPG", "a.JPG"), ("a", "a.jpg"), ("a.b.png", "a.b.jpg"), ("", "file.jpg")]
)
def test_a_pictures_name_fits_its_type(name: str, kept: str) -> None:
    assert examine(picture("JPEG"), name, "").name == kept


def test_a_document_cannot_pass_for_a_program() -> None:
    assert examine(b"%PDF-1.7", "invoice.exe", "").name == "invoice.exe.pdf"
    assert examine(b"@echo off", "run.bat", "").name == "run.bat.txt"


def test_a_kept_file_can_be_read_and_is_ours_alone(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "var" / "files")
    digest = store.put(b"hello")
    assert digest == hashlib.sha256(b"hello").hexdigest()
    path = store.path(digest)
    assert path == tmp_path / "var" / "files" / digest[:2] / digest
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with store.open(digest) as file:
        assert file.read() == b"hello"
    assert store.put(b"hello") == digest
    assert [found.name for found in path.parent.iterdir()] == [digest]


def test_everything_is_on_disk_before_put_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # INV-1
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", rename)
    store = FileStore(tmp_path)
    store.put(b"hello")
    assert steps == ["file", "rename", "folder", "folder"]
    steps.clear()
    store.put(b"hello")
    assert steps == ["folder", "folder"]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    store = FileStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            store.put(b"hello")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    with store.open(store.put(b"hello")) as file:
        assert file.read() == b"hello"


def test_a_file_damaged_on_disk_is_written_again(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    digest = store.put(b"hello")
    store.path(digest).write_bytes(b"hel")
    store.put(b"hello")
    assert store.path(digest).read_bytes() == b"hello"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "g" * 64])
def test_only_a_digest_names_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        FileStore(tmp_path).path(name)


def test_the_store_has_no_file_it_was_not_given(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileStore(tmp_path).open("0" * 64)
