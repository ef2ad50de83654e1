"""Files as they are met: comments, other encodings, decimal commas, and URLs of every kind."""

from __future__ import annotations

import gzip
import importlib.util
import tarfile
import threading
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, quote_plus, unquote

import fsspec
import pandas as pd
import pytest

from ledger.formats import PARQUET, TEXT
from runner.errors import (
    FileFormatError,
    MissingColumnError,
    NotNumericError,
    SourceAddressError,
    SourceError,
)
from runner.timeaxis import TimeError
from tests.reading import TIMES, csv, load, load_file, row

QUOTE = '"'
DAYS = [time[:10] for time in TIMES]


@pytest.fixture
def read_file(tmp_path):
    return partial(load_file, tmp_path)


@pytest.mark.parametrize(
    "before",
    ["# made by x\n", "# made by x, y\n# and z\n", "\n\n", "#\n\n# a;b\n", "\ufeff# made by x\n"],
)
@pytest.mark.parametrize("sep", [",", ";"])
def test_comments_and_empty_lines_before_the_header_are_skipped(read_file, before, sep):
    found = read_file(before + csv(TIMES, sep), column="value")

    assert (list(found.train), list(found.test)) == ([0, 1, 2], [3, 4])


def test_a_header_may_begin_with_a_comment_sign(read_file):
    found = read_file("# exported\n" + csv(TIMES, header="#timestamp,value"), column="value")

    assert (list(found.train), list(found.test)) == ([0, 1, 2], [3, 4])


def test_a_comment_before_values_alone_is_skipped(read_file):
    found = read_file("# made by x\n5\n6\n7\n8\n9\n", ranges=("0", "2", "3", "4"))

    assert (list(found.train), list(found.test)) == ([5, 6, 7], [8, 9])


def test_a_file_without_a_header_loses_no_row(read_file):
    found = read_file("".join(f"{day},{place}\n" for place, day in enumerate(DAYS)))

    assert (list(found.train), list(found.test)) == ([0, 1, 2], [3, 4])


@pytest.mark.parametrize("title", ["Report of May\n", "made by x\n\n"])
def test_a_title_before_the_header_is_told_with_its_line(read_file, title):
    with pytest.raises(
        FileFormatError, match="series.csv: line 1 has 1 columns, but .* 2: 'timestamp,value'; remove"
    ):
        read_file(title + csv(TIMES))


def test_a_line_may_end_with_a_separator(read_file):
    found = read_file("ts,v\n" + "".join(f"{day},{place},\n" for place, day in enumerate(DAYS)))

    assert list(found.test) == [3, 4]


@pytest.mark.parametrize("lines", [1, 100])
def test_a_line_with_more_values_than_the_header_has_names_is_told(read_file, lines):
    good = "".join(f"2026-01-01 00:00:{second % 60:02d},1\n" for second in range(lines))

    with pytest.raises(FileFormatError, match=r"series.csv(?s:.)*3"):
        read_file(f"ts,v\n{good}2026-01-02,5,0\n")


def test_decimal_commas_are_read_where_semicolons_separate(read_file):
    content = "ts;v\n" + "".join(f"{day};{place},5\n" for place, day in enumerate(DAYS))

    assert list(read_file(content).test) == [3.5, 4.5]


def test_a_decimal_comma_may_come_late(read_file):
    content = "ts;v\n" + "2026-01-01;1\n" * 100 + "2026-01-04;2,5\n"

    assert list(read_file(content).test) == [2.5]


@pytest.mark.parametrize("late", [0, 100])
def test_decimal_points_are_read_where_semicolons_separate(read_file, late):
    content = "ts;v\n" + "2026-01-01;1\n" * late + "2026-01-01;1.5\n2026-01-04;2.5\n"

    found = read_file(content)

    assert (found.train.iloc[-1], list(found.test)) == (1.5, [2.5])


def test_values_without_a_time_may_have_decimal_commas(read_file):
    found = read_file("5,5;1\n6,5;2\n7,5;3\n", ranges=("5", "6.5", "7", "8"))

    assert (list(found.train), list(found.test)) == ([1, 2], [3])


@pytest.mark.parametrize(
    ("value", "sep"), [('"5,0"', ","), ("n/a!", ","), ("1.234,5", ";"), ("1,234,5", ";")]
)
def test_what_is_no_number_is_told_with_its_file(read_file, value, sep):
    told = f"series.csv: column 'v' holds '{value.strip(QUOTE)}', which is no number; correct it there"
    with pytest.raises(NotNumericError, match=told):
        read_file(f"ts{sep}v\n2026-01-01{sep}{value}\n2026-01-04{sep}1\n")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_told_with_what_to_do(read_file, encoding):
    with pytest.raises(
        FileFormatError, match="series.csv is UTF-16 or no text at all; write it as UTF-8, as `iconv"
    ):
        read_file(csv(TIMES).encode(encoding))


@pytest.mark.parametrize("packed", [False, True])
def test_latin_1_is_told_with_its_line(read_file, packed):
    content = csv([*TIMES, *TIMES]).replace("value", "größe").encode("latin-1")
    name, written = ("s.csv.gz", gzip.compress(b"#\n" + content)) if packed else ("s.csv", b"#\n" + content)

    with pytest.raises(
        FileFormatError, match=rf"{name}, line 2 is not UTF-8 text \(byte 0xf6\); .*iconv -f latin1"
    ):
        read_file(written, name)


@pytest.mark.parametrize("wrong", ["31/01/2026", "31.01.2026", "Jan 4 2026"])
def test_a_time_that_is_no_iso_time_is_told_with_its_file(read_file, wrong):
    with pytest.raises(
        TimeError, match=f"series.csv: the time column 'date' holds '{wrong}', .*; write times as 2026-01-31"
    ):
        read_file(f"date,v\n2026-01-01,1\n{wrong},2\n")


def test_a_file_of_values_alone_has_no_times(read_file):
    told = r"series.csv: the ranges are times, but its rows have numbers .* \(0 to 4\); write .* time_column"
    with pytest.raises(TimeError, match=told):
        read_file("5\n6\n7\n8\n9\n")


def test_row_numbers_work_where_a_column_holds_them(read_file):
    content = "n,timestamp,v\n" + "".join(f"{place},{time},{place}\n" for place, time in enumerate(TIMES))

    found = read_file(content, ranges=("0", "2", "3", "4"), column="v", time_column="n")

    assert (list(found.train), list(found.test)) == ([0, 1, 2], [3, 4])


@pytest.mark.parametrize("column", [None, "timestamp"])
def test_a_file_with_times_alone_is_told(read_file, column):
    content = csv(TIMES) if column else "timestamp\n" + "\n".join(TIMES)

    with pytest.raises(MissingColumnError, match="series.csv has no column besides its time 'timestamp'"):
        read_file(content, column=column)


def test_columns_may_be_separated_by_white_space(read_file):
    assert list(read_file(csv(DAYS, "   "), separator=r"\s+").test) == [3, 4]


@pytest.mark.parametrize("name", ["series.csv.gz", "series.csv.xz", "series.csv.zip"])
def test_a_damaged_packed_file_may_be_whole_later(read_file, name):
    whole = gzip.compress(csv(TIMES * 1000).encode())
    damaged = whole[:20] + b"\xff" * 20 + whole[40:] if name.endswith("gz") else b"no such thing"

    with pytest.raises(SourceError, match=f"{name} cannot be read: "):
        read_file(damaged, name)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(SourceError, match="x.csv cannot be read: "):
        (tmp_path / "x.csv").mkdir()
        load(row(file="x.csv", base=str(tmp_path)))


def test_what_is_no_parquet_is_told(read_file):
    with pytest.raises(FileFormatError, match="series.parquet is no Parquet file"):
        read_file(csv(TIMES), "series.parquet")


@pytest.mark.parametrize(
    "url",
    [
        "file://{}/s.csv",
        "local://{}/s.csv",
        "zip://s.csv::{}/s.zip",
        "zip://s.csv::file://{}/s.zip",
        "tar://s.csv::{}/s.tar",
        "simplecache::file://{}/s.csv",
        "file://{}/s.csv.gz",
    ],
)
def test_urls_that_need_no_other_package_work(tmp_path, url):
    (tmp_path / "s.csv").write_text(csv(TIMES), encoding="utf-8")
    (tmp_path / "s.csv.gz").write_bytes(gzip.compress(csv(TIMES).encode()))
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as packed:
        packed.write(tmp_path / "s.csv", "s.csv")
    with tarfile.open(tmp_path / "s.tar", "w") as packed:
        packed.add(tmp_path / "s.csv", "s.csv")

    assert list(load(row(file=url.format(tmp_path))).test) == [3, 4]


def test_a_scheme_that_nothing_reads_is_told():
    with pytest.raises(
        SourceAddressError, match="^foo://bucket/x.csv: nothing here reads foo:// URLs; write a path"
    ):
        load(row(file="foo://bucket/x.csv"))


@pytest.mark.parametrize(
    ("scheme", "module", "package"), [("s3", "s3fs", "s3fs"), ("https", "aiohttp", "aiohttp requests")]
)
@pytest.mark.parametrize("around", ["{}", "zip://x.csv::{}"])
def test_a_package_that_is_missing_is_told(scheme, module, package, around):
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed")

    with pytest.raises(
        SourceError, match=f"{scheme}:// URLs need a package that is not installed: pip install {package}$"
    ):
        load(row(file=around.format(f"{scheme}://host/x.csv")))


def test_another_package_that_is_missing_is_told_in_the_words_of_fsspec():
    fsspec.register_implementation(
        "nowhere", "no_such_module.FileSystem", errtxt="Install nowherefs", clobber=True
    )

    with pytest.raises(SourceError, match="nowhere:// URLs need a package .*: Install nowherefs$"):
        load(row(file="nowhere://bucket/x.csv"))


class Broken(fsspec.AbstractFileSystem):
    """A store whose package has errors of its own."""

    protocol = "broken"

    def _open(self, path, *_, **__):
        raise KeyError(f"no rights for broken://me:hush@{path}")


def test_whatever_a_store_raises_may_pass_and_shows_no_password():
    fsspec.register_implementation("broken", Broken, clobber=True)

    with pytest.raises(
        SourceError, match=r"^broken://\*\*\*@host/x.csv cannot be read: 'no rights"
    ) as caught:
        load(row(file="broken://me:hush@host/x.csv"))

    assert "hush" not in str(caught.value)


@pytest.mark.skipif(importlib.util.find_spec("aiohttp") is None, reason="aiohttp is not installed")
@pytest.mark.parametrize("name", ["s.csv", "s.csv.gz", "s.parquet"])
def test_a_file_behind_http_is_read(tmp_path, name):
    frame = pd.DataFrame({"timestamp": TIMES, "v": range(7)})
    frame.to_parquet(tmp_path / name) if name.endswith("parquet") else frame.to_csv(
        tmp_path / name, index=False
    )
    handler = partial(Quiet, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            found = load(row(file=f"http://127.0.0.1:{server.server_port}/{name}"))
            for missing in ("none.csv", "none.csv?v=1"):
                with pytest.raises(SourceError, match="there is no file http"):
                    load(row(file=f"http://127.0.0.1:{server.server_port}/{missing}"))
        finally:
            server.shutdown()

    assert list(found.test) == [3, 4]


class Refusing(BaseHTTPRequestHandler):
    """A server that lets nobody in."""

    def do_GET(self):
        self.send_response(403)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.skipif(importlib.util.find_spec("aiohttp") is None, reason="aiohttp is not installed")
def test_what_a_server_refuses_is_not_said_to_be_missing(monkeypatch):
    monkeypatch.setenv("KEY", "hush+h sh")
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with pytest.raises(SourceError, match="cannot be read: 403") as caught:
                load(row(file=f"http://127.0.0.1:{server.server_port}/${{KEY}}/x.csv?v=${{KEY}}"))
        finally:
            server.shutdown()

    assert "hush" not in str(caught.value)


def test_a_secret_in_the_place_of_a_kind_of_url_is_not_told(monkeypatch):
    monkeypatch.setenv("KEY", "hush hush")

    with pytest.raises(SourceAddressError, match=r"nothing here reads \*\*\*:// URLs") as caught:
        load(row(file="${KEY}://x/y.csv"))

    assert "hush" not in str(caught.value)


class Quiet(SimpleHTTPRequestHandler):
    """A server of a folder that prints nothing."""

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(("separator", "content"), [(r"\t", "\t"), ("::", "::"), (" ", " ")])
def test_a_separator_may_be_a_tab_in_words_or_several_characters(tmp_path, separator, content):
    assert list(load_file(tmp_path, csv(DAYS, content), separator=separator).test) == [3, 4]


@pytest.mark.parametrize("sep", [" ", "   "])
def test_spaces_part_columns_where_they_part_every_line_alike(tmp_path, sep):
    assert list(load_file(tmp_path, csv(DAYS, sep), column="value").test) == [3, 4]


def test_spaces_in_a_name_part_nothing(tmp_path):
    found = load_file(tmp_path, "queries (1/s)\n5\n6\n7\n8\n9\n", ranges=("0", "2", "3", "4"))

    assert (found.train.name, list(found.test)) == ("queries (1/s)", [8, 9])


@pytest.mark.parametrize(("column", "error"), [(None, TimeError), ("value", MissingColumnError)])
def test_a_separator_that_is_not_found_is_told_with_how_to_name_it(tmp_path, column, error):
    with pytest.raises(error, match="name it in a column `separator` of the split file"):
        load_file(tmp_path, csv(TIMES, "~"), column=column)


@pytest.mark.parametrize("ending", TEXT)
def test_every_kind_of_file_that_is_looked_for_is_read(tmp_path, ending):
    pd.DataFrame({"ds": TIMES, "v": range(7)}).to_csv(tmp_path / f"x{ending}", index=False)

    assert list(load(row(file=f"x{ending}", base=str(tmp_path))).test) == [3, 4]


@pytest.mark.parametrize("ending", [*PARQUET, ".PARQUET"])
def test_every_name_of_a_parquet_file_is_read(tmp_path, ending):
    pd.DataFrame({"ds": TIMES, "v": range(7)}).to_parquet(tmp_path / f"x{ending}")

    assert list(load(row(file=f"x{ending}", base=str(tmp_path))).test) == [3, 4]


class Telling(fsspec.AbstractFileSystem):
    """Quotes in its errors what it was asked for, in every way that clients do."""

    protocol = "telling"

    def _open(self, path, *_, **__):
        anew = quote_plus(unquote(path), safe="@:!/")
        raise RuntimeError(f"GET {path} -> {quote(path)} -> {anew} -> {path.lower()}: 403")


def test_no_error_of_a_client_tells_a_secret_that_was_filled_in(monkeypatch):
    monkeypatch.setenv("FOLDER_KEY", "hush/h@sh: h!sh")
    fsspec.register_implementation("telling", Telling, clobber=True)

    with pytest.raises(SourceError, match="cannot be read: .*403") as caught:
        load(row(file="telling://${FOLDER_KEY}/x.csv"))

    assert "hush" not in str(caught.value)
    assert "h!sh" not in str(caught.value)
    assert str(caught.value).count("***") == 4


def test_a_line_of_values_parted_by_blanks_is_shown_with_blanks(tmp_path):
    with pytest.raises(FileFormatError, match="'3 4 5 6 7'"):
        load_file(tmp_path, "a  b\n1  2\n3  4  5  6  7\n", separator=r"\s+")


def test_a_secret_in_the_url_of_a_file_is_filled_in_and_never_told(monkeypatch):
    monkeypatch.setenv("FOLDER_KEY", "hush/hush")
    with fsspec.open("memory://hush%2Fhush/series.csv", "w") as stream:
        stream.write(csv(TIMES))

    assert list(load(row(file="memory://${FOLDER_KEY}/series.csv")).test) == [3, 4]
    with pytest.raises(SourceError, match=r"there is no file memory://\$\{FOLDER_KEY\}/none.csv"):
        load(row(file="memory://${FOLDER_KEY}/none.csv"))
    with pytest.raises(SourceError, match="environment variable NO_SUCH_SECRET"):
        load(row(file="memory://${NO_SUCH_SECRET}/none.csv"))
