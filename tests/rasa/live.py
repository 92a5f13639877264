"""``make rasa-test``: a real Rasa server in an environment of its own, trained from the sample, and the tests on it.

Rasa 3.6 runs on Python 3.10, or on 3.11 with pins that ignore what its packages say of it; it can never share ours.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASSISTANT = ROOT / "bots" / "assistants" / "webshop"
PINS = Path(__file__).with_name("rasa-3.6.21.txt")
START_SECONDS = 240
QUIET = {"RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}


def interpreters() -> Iterator[str]:
    """Yield the Pythons that could run Rasa, best first: on the path, under pyenv, our own."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in ("3.10", "3.11"):
        yield from (str(found) for found in sorted(versions.glob(f"{version}.*/bin/python")))
        if found := shutil.which(f"python{version}"):
            yield found
    yield sys.executable


def version_of(python: str) -> str:
    """Return ``3.10`` and the like, empty if it does not run (a shim for a version that is not there)."""
    code = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    ran = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return ran.stdout.strip()


def find_python() -> str:
    """Return an interpreter that can run Rasa, or end with what is missing."""
    for python in interpreters():
        if version_of(python) in ("3.10", "3.11"):
            return python
    raise SystemExit("rasa-test needs Python 3.10 or 3.11 (on the PATH or under pyenv); none was found")


def installed(folder: Path) -> Path:
    """Return the environment's ``rasa`` program, building it when the pins changed. Takes two minutes and 1.7 GB."""
    stamp, digest = folder / "pins.sha256", hashlib.sha256(PINS.read_bytes()).hexdigest()
    program = folder / "bin" / "rasa"
    if not program.exists() or not stamp.exists() or stamp.read_text() != digest:
        python = find_python()
        say(f"installing Rasa for {python} (2 minutes, 1.7 GB)")
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--ignore-requires-python", "-r", str(PINS)], check=True)
        stamp.write_text(digest)
    return program


def trained(program: Path, work: Path) -> Path:
    """Train the sample assistant; return the model."""
    say("training the sample assistant on Rasa (a minute)")
    project = work / "webshop"
    shutil.copytree(ASSISTANT, project)
    with (work / "train.log").open("wb") as log:
        command = [str(program), "train", "--fixed-model-name", "webshop"]
        status = subprocess.run(command, cwd=project, env=environment(), stdout=log, stderr=log, check=False).returncode
    if status:
        raise SystemExit(f"rasa train failed:\n{(work / 'train.log').read_text()[-4_000:]}")
    return project / "models" / "webshop.tar.gz"


@contextmanager
def serving(program: Path, model: Path, work: Path) -> Iterator[tuple[str, int]]:
    """Run the server on a free loopback port; yield its address and process id; end it by that id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(program), "run", "--enable-api", "-i", "127.0.0.1", "--port", str(port), "--model", str(model)]
    with (work / "run.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=work, env=environment(), stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}", server)
            yield f"http://127.0.0.1:{port}", server.pid
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    """Return once the server has its model."""
    say("starting the server")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"rasa run ended with {server.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/status", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    raise SystemExit(f"no Rasa server after {START_SECONDS} s")


def environment() -> dict[str, str]:
    """Return Rasa's environment: ours without our settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FRONTDESK_", "PYTHON"))}
    return kept | QUIET


def say(text: str) -> None:
    """Tell what takes so long."""
    sys.stdout.write(f"rasa-test: {text}\n")
    sys.stdout.flush()


def main() -> int:
    """Install, train, serve, test; return pytest's status."""
    program = installed(ROOT / "var" / "rasa-venv")
    with tempfile.TemporaryDirectory(prefix="rasa-test-") as scratch:
        work = Path(scratch)
        model = trained(program, work)
        with serving(program, model, work) as (url, pid):
            facts = {"url": url, "pid": str(pid), "model": str(model)}
            named = {f"FRONTDESK_TEST_RASA_{name.upper()}": value for name, value in facts.items()}
            command = [sys.executable, "-m", "pytest", "-q", "-m", "rasa", str(Path(__file__).parent)]
            return subprocess.run(command, cwd=ROOT, env=os.environ | named, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
