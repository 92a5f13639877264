"""Files from outside: what they really are, made harmless, and kept on disk before anybody is told.

Everything here blocks (decoding, fsync): call it in a thread, a few at a time, because a picture of ``MAX_PIXELS``
takes up to 300 MB while it is decoded.
"""

import codecs
import hashlib
import os
import re
import struct
import unicodedata
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from PIL import Image, ImageOps

from models.text import clean

MAX_PIXELS = 40_000_000
"""Width x height of a picture we are ready to decode."""

OPAQUE = "application/octet-stream"
_MAX_NAME = 120
_IMAGES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
_EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "application/pdf": (".pdf",),
    "text/plain": (".txt", ".csv", ".md", ".log", ".json", ".vcf", ".ics"),
    "audio/mpeg": (".mp3",),
    "audio/ogg": (".ogg", ".oga", ".opus"),
    "audio/mp4": (".m4a",),
    "audio/wav": (".wav",),
    "video/mp4": (".mp4", ".m4v"),
    "video/webm": (".webm",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (".xlsx",),
    "application/vnd.oasis.opendocument.text": (".odt",),
}
_PREFIXES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_FTYP = {
    **dict.fromkeys((b"M4A ", b"M4B "), "audio/mp4"),
    **dict.fromkeys(
        (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash", b"MSNV"), "video/mp4"
    ),
}
_MARKUP = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*<[!?/a-z]|<(?:!doctype|html|head|body|script|style|svg|iframe|object|embed|form|img)\b",
    re.IGNORECASE,
)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_BAD_IN_NAMES = re.compile(r'[<>:"|?*]')
_SHA256 = re.compile(r"[0-9a-f]{64}")


class MediaError(Exception):
    """A file we do not take; ``field`` names what is wrong with it (``file``, ``name``)."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Examined:
    """A file as we keep it. ``width`` and ``height`` (pixels) are set for re-encoded pictures, the only inline ones."""

    data: bytes
    media_type: str
    name: str
    width: int | None
    height: int | None
    sha256: str


def examine(data: bytes, name: str, declared: str) -> Examined:
    """Find out what *data* is, whatever it calls itself, and make it safe to hand on; or raise :class:`MediaError`.

    Pictures are decoded and encoded anew, so that neither EXIF nor a second file inside survives. Markup becomes an
    opaque download. *declared* only helps with plain text, whose encoding has no mark.
    """
    if not data:
        raise MediaError("file", "The file is empty.")
    media_type = _sniff(data, declared)
    if media_type is None:
        raise MediaError("file", "This type of file is not accepted.")
    width: int | None = None
    height: int | None = None
    if media_type in _IMAGES:
        data, width, height = _redraw(data, _IMAGES[media_type])
    return Examined(data, media_type, _named(name, media_type), width, height, hashlib.sha256(data).hexdigest())


def clean_name(name: str) -> str:
    """Return the last part of a path, without control or direction characters, short enough for every file system."""
    last = re.split(r"[/\\]", clean(name))[-1]
    visible = "".join(char for char in last if unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp", "Co", "Cn"))
    tidy = " ".join(_BAD_IN_NAMES.sub("_", visible).split()).strip(". ")
    stem, dot, extension = tidy.rpartition(".")
    if dot and len(extension) <= 10:
        return f"{stem[: _MAX_NAME - len(extension) - 1]}.{extension}"
    return tidy[:_MAX_NAME] or "file"


class FileStore:
    """Bytes by their SHA-256, in folders of *root*. What ``put`` has returned for survives a power cut."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, data: bytes) -> str:
        """Write *data*, fsync the file and its folders, and return its SHA-256. Raises ``OSError`` (disk full …)."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if not path.parent.is_dir():
            path.parent.mkdir(exist_ok=True, mode=0o700)
        if not (path.is_file() and path.stat().st_size == len(data)):
            _write(path, data)
        _sync(path.parent)
        _sync(self._root)
        return digest

    def path(self, sha256: str) -> Path:
        """Where a file is or would be; ``ValueError`` for anything but a SHA-256 in hex."""
        if not _SHA256.fullmatch(sha256):
            raise ValueError("not a SHA-256")
        return self._root / sha256[:2] / sha256

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept file for reading; ``FileNotFoundError`` if there is none."""
        return self.path(sha256).open("rb")


def _write(path: Path, data: bytes) -> None:
    draft = path.parent / f".{uuid4().hex}"
    try:
        with draft.open("xb") as file:
            draft.chmod(0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sniff(data: bytes, declared: str) -> str | None:
    for prefix, media_type in _PREFIXES:
        if data.startswith(prefix):
            return media_type
    if data.startswith(b"RIFF"):
        return _RIFF.get(data[8:12])
    if data[4:8] == b"ftyp":
        return _FTYP.get(data[8:12])
    if data.startswith(b"\x1aE\xdf\xa3"):
        return "video/webm" if b"webm" in data[:64] else None
    if data.startswith(b"PK\x03\x04"):
        return _office(data)
    return _text(data, declared)


def _office(data: bytes) -> str | None:
    """Name the kind of office document; macros and any other archive are refused."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError, struct.error):
        return None
    if any(name.lower().endswith(".bin") and "vba" in name.lower() for name in names):
        return None
    if "[Content_Types].xml" in names and "word/document.xml" in names:
        return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    if "[Content_Types].xml" in names and "xl/workbook.xml" in names:
        return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    if "content.xml" in names and data[30:77] == b"mimetypeapplication/vnd.oasis.opendocument.text":
        return "application/vnd.oasis.opendocument.text"
    return None


def _text(data: bytes, declared: str) -> str | None:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    if _CONTROL.search(data):
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        if not declared.lower().startswith("text/"):
            return None
    return OPAQUE if _MARKUP.search(data[:4_096]) else "text/plain"


def _redraw(data: bytes, encoding: str) -> tuple[bytes, int, int]:
    """Decode the first frame and encode its pixels alone, upright."""
    try:
        with Image.open(BytesIO(data), formats=(encoding,)) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise _too_large()
            return _encode(picture, encoding)
    except MediaError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large() from None
    except Exception as error:  # a hostile file makes a decoder raise anything; all of it means the same
        raise MediaError("file", "The picture is damaged.") from error


def _too_large() -> MediaError:
    return MediaError("file", f"The picture is larger than {MAX_PIXELS // 1_000_000} megapixels.")


def _encode(picture: Image.Image, encoding: str) -> tuple[bytes, int, int]:
    picture.load()
    with suppress(Exception):  # damaged EXIF is thrown away with the rest; the pixels are good
        ImageOps.exif_transpose(picture, in_place=True)
    clear = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    mode = "RGBA" if clear and encoding != "JPEG" else "RGB"
    plain = picture if picture.mode == mode else picture.convert(mode)
    plain.info = {}
    out = BytesIO()
    options = {"quality": 88} if encoding in ("JPEG", "WEBP") else {}
    plain.save(out, encoding, **options)
    return out.getvalue(), plain.width, plain.height


def _named(name: str, media_type: str) -> str:
    tidy = clean_name(name)
    allowed = _EXTENSIONS.get(media_type, ())
    if not allowed or tidy.lower().endswith(allowed):
        return tidy
    stem = tidy.rpartition(".")[0] if media_type in _IMAGES else ""
    return f"{(stem or tidy)[: _MAX_NAME - len(allowed[0])]}{allowed[0]}"
