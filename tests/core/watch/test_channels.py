"""What is told arrives by file, web hook and mail, once for each id, also when the other side or the disk fails."""

import csv
import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from core.errors import AnomalureError, WrongUsage
from core.watch import csv_file
from core.watch.channel import NotSent, Outbox
from core.watch.csv_file import CsvFile
from core.watch.digest import DIGEST_COLUMNS
from core.watch.ledger import FileState, Ledger
from core.watch.mail import Mail, read_server
from core.watch.secrets import read_secret
from core.watch.web_hook import WebHook
from tests.fakes.watched import Told

JPEG = b"\xff\xd8 a small picture \xff\xd9"


def row(name: str = "1", **given) -> dict:
    usual = {
        "id": f"id-{name}",
        "camera": "north",
        "first_at": "2024-05-03T06:00:00",
        "last_at": "2024-05-03T06:00:30",
        "photos": 2,
        "failed": 0,
        "crops": 2,
        "people": 0,
        "flagged": 1,
        "score": 1.25,
        "p_value": 0.04,
        "most_like": "fox",
        "path": "/photos/north/IMG_0001.JPG",
        "crop_id": f"crop-{name}",
        "is_late": False,
        "event_id": f"north/{name}",
        "run": "inbox",
        "bundle": "spring",
        "watch": "inbox",
        "link": "http://localhost:8501/review?run=inbox",
        "shows_people": False,
    }
    return {**usual, **given}


# The CSV file


def read_lines(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_event_is_one_line_and_told_again_it_is_not_added_again(tmp_path):
    path = tmp_path / "digest.csv"
    CsvFile(path).send([row("1")])
    CsvFile(path).send([row("1"), row("2", score=None, camera="=1+1\nand more")])

    lines = read_lines(path)

    assert [line["id"] for line in lines] == ["id-1", "id-2"]
    assert list(lines[0]) == list(DIGEST_COLUMNS)
    assert (lines[0]["flagged"], lines[0]["is_late"], lines[1]["score"]) == ("1", "false", "")
    assert lines[1]["camera"] == "'=1+1 and more"


def test_a_line_that_a_kill_cut_off_anywhere_is_written_whole(tmp_path):
    path = tmp_path / "digest.csv"
    CsvFile(path).send([row("1"), row("2")])
    whole = path.read_bytes()

    ends = [i for i, sign in enumerate(whole) if sign in b"\r\n"]
    for length in {*range(0, len(whole), 37), *ends, *(end + 1 for end in ends)}:
        path.write_bytes(whole[:length])
        CsvFile(path).send([row("1"), row("2")])
        assert path.read_bytes() == whole, length


def test_what_somebody_else_wrote_at_the_end_stays(tmp_path):
    path = tmp_path / "digest.csv"
    CsvFile(path).send([row("1")])
    with path.open("ab") as file:
        file.write(b"a note without a line end")

    CsvFile(path).send([row("2")])

    assert path.read_bytes().count(b"a note without a line end\r\nid-2,") == 1


def test_a_disk_that_is_full_in_the_middle_of_a_line_leaves_no_part_of_it(tmp_path, monkeypatch):
    path = tmp_path / "digest.csv"
    CsvFile(path).send([row("1")])
    before = path.read_bytes()
    write = os.write
    n_calls = iter([10])

    def write_little(file, content):
        for n in n_calls:
            return write(file, content[:n])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(csv_file.os, "write", write_little)
        with pytest.raises(NotSent, match="No space left"):
            CsvFile(path).send([row("2")])

    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["folder", "missing folder", "another table", "pipe"])
def test_a_file_that_cannot_be_the_digest_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "there"
    if kind == "folder":
        path.mkdir()
    elif kind == "missing folder":
        path = tmp_path / "nowhere" / "digest.csv"
    elif kind == "another table":
        path.write_text("a,b\n1,2\n")
    else:
        os.mkfifo(path)

    with pytest.raises(AnomalureError, match=r"[Gg]ive"):
        CsvFile(path)


# The web hook


class Hook(ThreadingHTTPServer):
    """Keeps what is posted; answers with the next of ``answers``, and then with 204."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HookAnswers)
        self.posted: list[tuple[dict, dict]] = []
        self.answers: list[tuple[int, dict]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class HookAnswers(BaseHTTPRequestHandler):
    server: Hook

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posted.append((dict(self.headers), body))
        code, headers = self.server.answers.pop(0) if self.server.answers else (204, {})
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


def test_an_event_is_posted_as_json_with_its_id_and_the_token(hook):
    WebHook(hook.url, token="s3cret").send([row("1", score=float("nan"))])

    ((headers, body),) = hook.posted
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["Idempotency-Key"] == body["id"] == "id-1"
    assert (body["score"], body["p_value"], body["camera"]) == (None, 0.04, "north")
    assert set(body) == {*DIGEST_COLUMNS, "anomalure"}


@pytest.mark.parametrize(
    ("code", "says"),
    [(500, "answers with 500"), (401, "Check the token"), (404, "answers with 404"), (302, "has moved")],
)
def test_an_answer_that_is_no_yes_is_a_sentence_and_nothing_is_redirected(hook, code, says):
    hook.answers = [(code, {"Location": hook.url, "Retry-After": "120"})]

    with pytest.raises(NotSent, match=says) as error:
        WebHook(hook.url).send([row()])

    assert error.value.after_s == 120
    assert len(hook.posted) == 1


def test_a_host_that_is_not_there_is_a_sentence_without_the_address(hook):
    hook.server_close()

    with pytest.raises(NotSent, match=r"127\.0\.0\.1 cannot be reached") as error:
        WebHook(hook.url).send([row()])

    assert "/hook" not in str(error.value)


@pytest.mark.parametrize(
    ("address", "token"),
    [
        ("ftp://example.org/", ""),
        ("example.org", ""),
        ("https://", ""),
        ("https://user:word@example.org/", ""),
        ("http://example.org/", "s3cret"),
        ("https://example.org/", "two words"),
        ("https://exa mple.org/", ""),
        ("https://example.org:port/", ""),
    ],
)
def test_addresses_and_tokens_that_cannot_be_used_are_refused_and_not_repeated(address, token):
    with pytest.raises(WrongUsage) as error:
        WebHook(address, token=token)

    assert "word" not in str(error.value).replace("password", "")
    assert "s3cret" not in str(error.value)


# Mails


def find_free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Mailbox:
    def __init__(self) -> None:
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=find_free_port())
    controller.start()
    yield box, f"127.0.0.1:{controller.port}"
    controller.stop()


@pytest.fixture
def mailbox_with_login(tmp_path) -> Iterator[tuple[Mailbox, str, ssl.SSLContext]]:
    """A server that takes mails only by STARTTLS and after a login."""
    box = Mailbox()
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")

    def check_login(server, session, envelope, mechanism, login):
        return AuthResult(success=(login.login, login.password) == (b"ranger", b"s3cret"), handled=False)

    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=find_free_port(),
        tls_context=context,
        require_starttls=True,
        authenticator=check_login,
        auth_required=True,
    )
    controller.start()
    yield box, f"localhost:{controller.port}", ssl.create_default_context(cafile=tmp_path / "cert.pem")
    controller.stop()


def test_one_mail_tells_of_all_events_the_flagged_first_with_small_pictures(mailbox):
    box, server = mailbox
    rows = [
        row("1", flagged=0, score=3.0),
        row("2", camera="south\nBcc: all@example.org"),
        row("3", shows_people=True, camera="west"),
        row("4", crop_id="", people=2, crops=0, flagged=0, score=None, p_value=None, path="", camera="hide"),
        row("5", failed=2, flagged=0, crop_id="", score=None, path="/photos/x.jpg", first_at=None, last_at=None),
    ]
    Mail("a@example.org, b@example.org", server, sender="cameras@example.org", read_picture=lambda _: JPEG).send(rows)

    ((receivers, mail),) = box.mails
    text = mail.get_body().get_content()
    assert receivers == ["a@example.org", "b@example.org"]
    assert mail["Subject"] == "Anomalure: 2 of 5 events flagged, north, south Bcc: all@example.org, west and 1 more"
    assert mail["From"] == "cameras@example.org"
    assert mail["Bcc"] is None
    assert text.index("id-2") < text.index("id-1")
    assert "only people or vehicles, which are left out" in text
    assert "2 photos cannot be read, such as /photos/x.jpg" in text
    assert text.count("review?run=inbox") == 1
    pictures = list(mail.iter_attachments())
    assert [one.get_filename() for one in pictures] == ["id-2.jpg", "id-1.jpg"]  # not of a photo that shows people
    assert pictures[0].get_content() == JPEG


def test_the_same_events_told_again_have_the_same_message_id(mailbox):
    box, server = mailbox
    for _ in range(2):
        Mail("a@example.org", server).send([row("1")])

    assert len({mail["Message-ID"] for _, mail in box.mails}) == 1


def test_a_server_with_login_gets_the_password_encrypted(mailbox_with_login):
    box, server, context = mailbox_with_login

    Mail("a@example.org", server, user="ranger", password="s3cret", context=context).send([row()])

    assert len(box.mails) == 1


def test_a_wrong_password_and_a_certificate_that_nobody_signed_are_sentences(mailbox_with_login):
    box, server, context = mailbox_with_login

    with pytest.raises(NotSent, match="refuses the login of ranger"):
        Mail("a@example.org", server, user="ranger", password="wrong", context=context).send([row()])
    with pytest.raises(NotSent, match="certificate of the mail server localhost cannot be trusted"):
        Mail("a@example.org", server, user="ranger", password="s3cret").send([row()])

    assert box.mails == []


def test_a_mail_server_that_is_not_there_or_offers_no_encryption_elsewhere_is_a_sentence(mailbox, monkeypatch):
    box, server = mailbox
    with pytest.raises(NotSent, match="did not take the mail"):
        Mail("a@example.org", "127.0.0.1:1").send([row()])

    monkeypatch.setattr("core.watch.mail.is_this_computer", lambda host: False)
    with pytest.raises(NotSent, match="offers no encryption"):
        Mail("a@example.org", server).send([row()])
    assert box.mails == []


@pytest.mark.parametrize(
    "given",
    [
        {"to": ""},
        {"to": "nobody"},
        {"to": "a@example.org\nBcc: b@example.org"},
        {"server": ""},
        {"server": "smtp.example.org:0"},
        {"server": "smtp.example.org:99999"},
        {"server": "https://smtp.example.org"},
        {"sender": "two words"},
        {"every_min": -1},
        {"every_min": float("nan")},
        {"user": "ranger"},
    ],
)
def test_mail_options_that_cannot_be_used_are_refused(given):
    usual = {"to": "a@example.org", "server": "smtp.example.org"}
    with pytest.raises(WrongUsage):
        Mail(**{**usual, **given})


def test_a_server_is_a_host_and_a_port():
    assert read_server("smtp.example.org") == ("smtp.example.org", 587)
    assert read_server("[::1]:2525") == ("::1", 2525)


def test_secrets_come_from_the_environment_or_a_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text("from the file\nand more")

    assert read_secret("X", None, {"X": "from outside"}) == "from outside"
    assert read_secret("X", file, {"X": "from outside"}) == "from the file"
    assert read_secret("X", None, {}) == ""
    file.write_text("\n")
    for wrong in (file, tmp_path / "none", tmp_path):
        with pytest.raises(AnomalureError):
            read_secret("X", wrong, {})


# What waits


@pytest.fixture
def ledger(tmp_path) -> Iterator[Ledger]:
    with Ledger(tmp_path) as one:
        yield one


def fill(ledger: Ledger, channel, *names: str) -> None:
    batch = ledger.begin_batch("r", [(f"{names}.jpg", FileState(1, 1), "")])
    ledger.finish_batch(batch, [row(name) for name in names], [channel])


def test_what_cannot_be_told_waits_with_growing_pauses_and_is_told_in_order(ledger):
    told, now = Told(), [0.0]
    outbox = Outbox(ledger, [told], clock=lambda: now[0])
    fill(ledger, told, "1", "2")
    told.is_broken = True
    tries = []
    for second in range(0, 400):
        now[0] = float(second)
        before = outbox._trouble["told"].tries
        outbox.deliver()
        if outbox._trouble["told"].tries > before:
            tries.append(second)

    assert tries == [0, 10, 30, 70, 150, 310]
    assert outbox.problems == {"told": "nobody is at home"}

    told.is_broken = False
    now[0] += 3_600
    assert outbox.deliver() == 2
    assert [one["id"] for one in told.rows] == ["id-1", "id-2"]
    assert outbox.problems == {}


def test_mails_are_gathered_and_a_clock_that_was_set_back_holds_none_up(ledger):
    told, now = Told(), [1_000_000.0]
    told.every_s, told.at_once = 600.0, 100
    outbox = Outbox(ledger, [told], now=lambda: now[0])
    fill(ledger, told, "1")
    ledger.last_sent_at = lambda channel: 1_000_000.0 - 300
    assert outbox.deliver() == 0
    fill(ledger, told, "2")

    now[0] += 300
    assert outbox.deliver() == 2

    fill(ledger, told, "3")
    now[0] = 500_000.0
    assert outbox.deliver() == 1


def test_a_channel_that_is_gone_keeps_what_it_has_to_tell_and_a_new_one_gets_only_new_events(ledger):
    old, new = Told(), Told()
    new.name = "new"
    fill(ledger, old, "1")
    fill(ledger, new, "2")

    Outbox(ledger, [new]).deliver()

    assert [one["id"] for one in new.rows] == ["id-2"]
    assert ledger.count_unsent() == {"told": 1}
