"""`make crds`: fetched once and trusted, compared ever after; nothing half, nothing silent. All on loopback."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from components import crd_files
from tools import __main__ as commands
from tools import crds

CONTENT = b"kind: CustomResourceDefinition\nmetadata: {name: "


class Mirror(ThreadingHTTPServer):
    """Answers every path with a definition of its own, unless told otherwise; remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, tuple[int, bytes]] = {}
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Mirror)
        self.server.asked.append(self.path)
        code, content = self.server.answers.get(self.path, (200, CONTENT + self.path.encode() + b"}\n"))
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing: pytest shows enough."""


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    server = Mirror()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run(top: Path, *arguments: str) -> int:
    return crds.main(commands._parser().parse_args(["crds", *arguments]), top)


def path_of(file: crd_files.CrdFile) -> str:
    return "/" + file.url.removeprefix("https://")


FILES = list(crd_files.files())


def test_everything_is_fetched_once_and_recorded(
    mirror: Mirror, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--mirror", mirror.url) == 0
    assert mirror.asked == [path_of(file) for file in FILES]
    assert "first fetch, trusted: sha256 " in capsys.readouterr().out
    locked = crd_files.locked((tmp_path / "crds.lock").read_text())
    for file in FILES:
        content = (tmp_path / ".crds" / file.key).read_bytes()
        assert locked[file.key] == hashlib.sha256(content).hexdigest()
    assert run(tmp_path, "--mirror", mirror.url) == 0
    assert len(mirror.asked) == len(FILES)
    assert "here already" in capsys.readouterr().out
    assert run(tmp_path, "--check") == 0


def test_another_machine_must_get_the_same_bytes(
    mirror: Mirror, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--mirror", mirror.url) == 0
    other = tmp_path / "other"
    other.mkdir()
    lock = (tmp_path / "crds.lock").read_text()
    (other / "crds.lock").write_text(lock)
    changed = FILES[1]
    mirror.answers[path_of(changed)] = (200, CONTENT + b"evil}\n")
    assert run(other, "--mirror", mirror.url) == 1
    assert f"{changed.key}: {changed.url} has other bytes than at the first fetch" in capsys.readouterr().err
    assert not (other / ".crds" / changed.key).exists()
    assert (other / "crds.lock").read_text() == lock
    del mirror.answers[path_of(changed)]
    assert run(other, "--mirror", mirror.url) == 0
    assert (other / "crds.lock").read_text() == lock


def test_a_file_that_was_changed_or_lost_is_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    assert run(tmp_path, "--mirror", mirror.url) == 0
    (tmp_path / ".crds" / FILES[0].key).write_text("tampered")
    (tmp_path / ".crds" / FILES[1].key).unlink()
    assert len(crd_files.trouble(tmp_path, crd_files.CRD_BUNDLES)) == 2
    assert run(tmp_path, "--check") == 1
    mirror.asked.clear()
    assert run(tmp_path, "--mirror", mirror.url) == 0
    assert mirror.asked == [path_of(FILES[0]), path_of(FILES[1])]
    assert run(tmp_path, "--check") == 0


def test_after_an_interruption_what_was_fetched_stays_and_nothing_is_half(
    mirror: Mirror, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.answers[path_of(FILES[2])] = (503, b"later")
    assert run(tmp_path, "--mirror", mirror.url) == 1
    assert "answers 503" in capsys.readouterr().err
    assert sorted(crd_files.locked((tmp_path / "crds.lock").read_text())) == sorted(file.key for file in FILES[:2])
    assert not list(tmp_path.rglob(".half-*"))
    mirror.answers.clear()
    mirror.asked.clear()
    assert run(tmp_path, "--mirror", mirror.url) == 0
    assert len(mirror.asked) == len(FILES) - 2


def test_a_sign_in_page_is_not_taken_for_definitions(
    mirror: Mirror, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.answers[path_of(FILES[0])] = (200, b"<html>Please sign in</html>")
    assert run(tmp_path, "--mirror", mirror.url) == 1
    assert "holds no custom resource definitions (a proxy's sign-in page?)" in capsys.readouterr().err
    assert not (tmp_path / "crds.lock").exists()


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closed = Mirror()
    closed.server_close()
    assert run(tmp_path, "--mirror", closed.url) == 1
    said = capsys.readouterr().err
    assert "cannot be reached" in said
    assert "copy .crds/ here, or name a mirror with --mirror" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("mirror_url", ["ftp://127.0.0.1", "file:///etc"])
def test_only_http_is_fetched(mirror_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "--mirror", mirror_url) == 1
    assert "not an address of http or https" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["junk", "abc  key", "z" * 64 + "  key", "a" * 64])
def test_a_broken_lock_is_said_and_kept(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "crds.lock").write_text(text)
    assert run(tmp_path, "--mirror", "http://127.0.0.1:1") == 1
    assert "crds.lock, line 1: not a checksum and a name; take the file back from git" in capsys.readouterr().err
    assert (tmp_path / "crds.lock").read_text() == text


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        commands.main(["crds", "--help"])
    assert caught.value.code == 0
    assert {"--check", "--mirror"} <= set(capsys.readouterr().out.replace(",", " ").split())


def test_every_address_is_https_and_of_a_pinned_version() -> None:
    for file in FILES:
        version = file.key.split("/")[1]
        assert file.url.startswith("https://")
        assert f"/{version}/" in file.url
