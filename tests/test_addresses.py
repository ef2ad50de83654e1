"""From a database's name to its URL, and what of a URL is never told."""

from __future__ import annotations

import importlib.util
import sqlite3
import traceback
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from ledger.secrets import masked, without_secrets
from runner.addresses import beside, database_url
from runner.config import read_config
from runner.errors import SourceError
from tests.reading import TIMES, load, row


def make_database(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("CREATE TABLE t (timestamp TEXT, v REAL)")
        raw.executemany("INSERT INTO t VALUES (?, ?)", [(time, 1.0) for time in TIMES])


def configured(folder: Path, url: str) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "runner.toml").write_text(f"[databases]\nm4 = '{url}'\n", encoding="utf-8")
    return read_config(folder / "runner.toml")["databases"]


@pytest.mark.parametrize("folder", ["conf", "a folder", "50%20 off?"])
def test_a_relative_sqlite_url_belongs_to_the_folder_of_its_runner_toml(tmp_path, monkeypatch, folder):
    make_database(tmp_path / folder / "data" / "m4.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    databases = configured(tmp_path / folder, "sqlite:///data/m4.db")

    assert len(load(row(database="m4", table="t"), databases=databases).test) == 2


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////data/m4.db",
        "sqlite:///C:/data/m4.db",
        "sqlite:///:memory:",
        "sqlite://",
        "sqlite:///${DATA}/m4.db",
        "postgresql://reader@host/m4",
    ],
)
def test_every_other_url_of_runner_toml_stays_as_it_is(tmp_path, url):
    assert configured(tmp_path, url) == {"m4": url}
    assert beside(url, tmp_path) == url


def test_a_missing_sqlite_file_is_named(tmp_path):
    databases = configured(tmp_path, "sqlite:///nope.db")

    with pytest.raises(SourceError) as caught:
        load(row(database="m4", table="t"), databases=databases)

    assert str(caught.value) == f"database m4 ({tmp_path / 'nope.db'}): there is no such file"


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "m4.db").write_text("timestamp,value\n" * 50, encoding="utf-8")

    with pytest.raises(SourceError, match=rf"^database m4 \({tmp_path}/m4.db\): file is not a database$"):
        load(row(database="m4", table="t", base=str(tmp_path)))


def test_a_relative_sqlite_url_in_a_split_file_belongs_to_its_folder(tmp_path):
    make_database(tmp_path / "m4.db")

    assert len(load(row(database="sqlite:///m4.db", table="t", base=str(tmp_path))).test) == 2


@pytest.mark.parametrize("name", ["my db", "50%20 off", "${HOME}", "a?host=evil&x=1", "a/b"])
def test_a_name_is_filled_into_a_template_as_it_is(name):
    url = database_url(name, None, {"*": "postgresql://u@host/{database}?application_name={database}"})

    assert (url.host, url.database, dict(url.query)) == ("host", name, {"application_name": name})


def test_a_password_from_the_environment_may_hold_anything(monkeypatch):
    monkeypatch.setenv("PASSWORD", "p@ss:w/rd?%40#&=")

    url = database_url("x", None, {"x": "postgresql://u:${PASSWORD}@host:5433/x?password=${PASSWORD}"})

    assert (url.password, url.host, url.port) == ("p@ss:w/rd?%40#&=", "host", 5433)
    assert url.query["password"] == "p@ss:w/rd?%40#&="


def test_a_whole_url_may_stand_in_the_environment(monkeypatch):
    monkeypatch.setenv("SHOP_URL", "postgresql://u:p%40ss@host/shop")

    assert database_url("x", None, {"x": "${SHOP_URL}"}).password == "p@ss"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:se@kret@host/x",
        "postgresql://u:se@kret:5432@host/x",
        "postgresql://u:se@k/ret@host/x",
        "postgresql://u:se@k?ret@host/x",
        "postgresql://se@kret:se@host/x",
        "postgresql://u:kret/x@host:kret/x",
        "postgresql://u:kret",
    ],
)
@pytest.mark.parametrize("place", ["runner.toml", "split file", "environment"])
def test_a_url_whose_password_is_not_escaped_is_refused_and_never_shown(url, place, monkeypatch):
    monkeypatch.setenv("SHOP_URL", url)
    name = url if place == "split file" else "shop"
    databases = {"shop": "${SHOP_URL}" if place == "environment" else url}

    with pytest.raises(
        SourceError, match="@ is written %40, : is %3A and / is %2F, or .*environment"
    ) as caught:
        load(row(database=name, table="t"), databases=databases)

    shown = "".join(traceback.format_exception_only(caught.value))
    assert "kret" not in shown
    assert "se@" not in shown
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:kretkret@/x?host=/tmp/folder-kretkret",
        "postgresql://u@/x?password=kretkret&host=/tmp/folder-kretkret",
    ],
)
def test_what_a_driver_says_is_told_without_the_password(url):
    pytest.importorskip("psycopg")

    with pytest.raises(SourceError, match="^database shop: .*folder-[*]{3}") as caught:
        load(row(database="shop", table="t"), databases={"shop": url})

    assert "kret" not in "".join(traceback.format_exception(caught.value))


def test_what_a_driver_says_is_told_without_what_was_filled_in(monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("PLACE", "kretkret")

    with pytest.raises(SourceError, match="^database shop: .*folder-[*]{3}") as caught:
        load(
            row(database="shop", table="t"),
            databases={"*": "postgresql://u@/{database}?host=/tmp/folder-${PLACE}"},
        )

    assert "kret" not in "".join(traceback.format_exception(caught.value))


def test_a_url_in_the_split_file_is_shown_without_its_password():
    with pytest.raises(SourceError, match=r"^database postgresql://\*\*\*@/x\?host=/tmp/none: ") as caught:
        load(row(database="postgresql://u:kret@/x?host=/tmp/none", table="t"))

    assert "kret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:p@host/x", "postgresql://***@host/x"),
        ("postgresql://u:my p@ss@host/x", "postgresql://***@host/x"),
        ("https://token@host/x.csv", "https://***@host/x.csv"),
        ("https://host/x.csv?X-Amz-Signature=abc&v=2", "https://host/x.csv?X-Amz-Signature=***&v=2"),
        ("s3://bucket/who@example.com/x.csv", "s3://bucket/who@example.com/x.csv"),
        ("/data/who@example.com/x.csv", "/data/who@example.com/x.csv"),
    ],
)
def test_user_info_and_secret_parameters_are_masked(text, shown):
    assert masked(text) == shown


def test_a_short_password_is_masked_as_a_word_only():
    url = make_url("postgresql://u:a@host/x")

    assert without_secrets('a: authentication failed for "a"', url) == '***: authentication failed for "***"'


def test_a_password_is_masked_in_the_way_it_is_written_in_a_url_too():
    url = make_url("postgresql://u:p%40ss%2Fword@host/x")

    assert without_secrets("in p%40ss%2Fword and p@ss/word", url) == "in *** and ***"


def test_a_dialect_nobody_knows_is_told():
    with pytest.raises(SourceError, match="^database x: .*nonesuch") as caught:
        load(row(database="x", table="t"), databases={"x": "nonesuch://u:kret@host/x"})

    assert "kret" not in str(caught.value)


@pytest.mark.skipif(importlib.util.find_spec("MySQLdb") is not None, reason="the driver is installed")
def test_a_driver_that_is_not_installed_is_told():
    with pytest.raises(
        SourceError, match=r"^database x: the driver of mysql:// cannot be loaded \(.*MySQLdb"
    ):
        load(row(database="x", table="t"), databases={"x": "mysql://u:p@host/x"})
