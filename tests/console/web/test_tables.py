"""Tables: out as CSV, and in with a look at what would change."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jackfield.changes.models import Revision
from jackfield.console import api, change
from jackfield.console.change import Author, Wish
from jackfield.console.web.csv_text import MAX_BYTES, TableError, read_table, text_of, write_table
from jackfield.console.web.screens import SCREENS
from jackfield.numbers.models import Extension, Line
from jackfield.people.models import User
from jackfield.settings import Settings

from .conftest import As
from .test_changes import read

LISTS = [name for name, screen in SCREENS.items() if screen.section.key]


def rows_in(answer: Any) -> list[dict[str, str]]:
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";" if ";" in text.splitlines()[0] else ","))


def upload(browser: Client, name: str, content: str | bytes, **more: str) -> Any:
    content = content.encode() if isinstance(content, str) else content
    return browser.post(f"/admin/{name}/import", {"file": SimpleUploadedFile("table.csv", content), **more})


def token_of(answer: Any) -> str:
    return re.search(r'name="token" value="([0-9a-f]+)"', answer.content.decode())[1]


def apply(browser: Client, name: str, preview: Any, **more: str) -> Any:
    return browser.post(f"/admin/{name}/import", {"token": token_of(preview), "apply": "yes", **more})


@pytest.mark.parametrize("name", LISTS)
def test_what_is_exported_changes_nothing_when_it_is_imported(admin: Client, company: Settings, name: str):
    before = api.export(company, secrets=True)
    exported = admin.get(f"/admin/{name}/export")
    assert exported.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in exported.headers["Content-Disposition"]
    assert b"not-to-be-shown" not in exported.content
    if not SCREENS[name].section.model().objects.exists():
        return
    preview = upload(admin, name, exported.content)
    assert "Nothing would change" in read(preview), read(preview)
    assert api.export(company, secrets=True) == before


def test_an_export_has_what_is_filtered_only(admin: Client, company: Settings):
    assert [row["number"] for row in rows_in(admin.get("/admin/extensions/export?q=bert"))] == ["102"]
    assert [row["number"] for row in rows_in(admin.get("/admin/extensions/export?sort=-number"))] == ["102", "101"]


def test_lists_stand_in_one_cell_and_phones_of_their_first(admin: Client, company: Settings):
    (group,) = rows_in(admin.get("/admin/ring_groups/export"))
    assert group["members"] == "101, 102"
    first, _ = rows_in(admin.get("/admin/extensions/export"))
    assert (first["sip_username"], first["enabled"], first["user"]) == ("anna101", "yes", "anna")
    assert "sip_password" not in first


def test_formulas_are_defused_on_the_way_out_and_whole_again_on_the_way_in(admin: Client, company: Settings):
    wish = Wish("extensions", {"name": '=HYPERLINK("http://x")', "forward_busy": "+4930123456"}, ("101",))
    change.save(company, [wish], author=Author("x", "page"))
    exported = admin.get("/admin/extensions/export")
    row = rows_in(exported)[0]
    assert row["name"] == '\'=HYPERLINK("http://x")'
    assert row["forward_busy"] == "'+4930123456"
    assert "Nothing would change" in read(upload(admin, "extensions", exported.content))


def test_passwords_are_exported_on_request_only_and_that_is_kept(admin: Client, signed_in: As, company: Settings):
    page = admin.get("/admin/extensions/export/passwords?q=anna")
    assert "not-to-be-shown" not in page.content.decode()
    assert "passwords of 1 extension" in read(page)
    answer = admin.post("/admin/extensions/export/passwords?q=anna")
    assert [row["sip_password"] for row in rows_in(answer)] == ["not-to-be-shown-1"]
    kept = Revision.objects.first()
    assert (kept.author, kept.through) == ("the-administrator", "export")
    assert "Exported 1 extensions with their passwords." in read(admin.get("/admin/changes/"))
    assert admin.get(f"/admin/changes/{kept.pk}/undo").status_code == 404

    assert signed_in("reader").get("/admin/extensions/export/passwords").status_code == 403
    assert admin.get("/admin/users/export/passwords").status_code == 404


TABLE = """number,name,ring_time,unknown thing
101,Anna Bell,30,x
103,Carla,,x
104,Dora,many,x
"""


def test_a_table_is_previewed_and_imported_without_its_wrong_rows(admin: Client, company: Settings):
    before = api.export(company)
    preview = upload(admin, "extensions", TABLE)
    text = read(preview)
    assert "1 new, 1 changed, 0 as they are, 1 with mistakes" in text
    assert "not known and left out: unknown thing" in text
    assert '4 104 Rings for: "many" must be a number.' in text
    assert "Name Anna → is now Anna Bell" in text
    assert "Rings for 30 seconds" in text
    assert api.export(company) == before

    refused = apply(admin, "extensions", preview)
    assert refused.status_code == 422
    assert "choose to leave them out" in read(refused)
    assert api.export(company) == before

    done = apply(admin, "extensions", preview, leave_out="yes")
    assert done.status_code == 200
    line = Line.objects.get(extension__number="103")
    assert line.sip_password in read(done)
    assert "1 row was left out" in read(done)
    assert Extension.objects.get(number="101").name == "Anna Bell"
    assert not Extension.objects.filter(number="104").exists()
    revision = Revision.objects.first()
    assert (revision.through, revision.items.count()) == ("import", 2)
    assert apply(admin, "extensions", preview).status_code == 422  # it is used up


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("number;name\r\n103;Jörg\r\n".encode(), "Jörg"),
        ("number\tname\n103\tJörg\n".encode(), "Jörg"),
        ("\ufeffnumber,name\n103,Jörg\n".encode(), "Jörg"),
        ("number;name\n103;Jörg\n".encode("cp1252"), "Jörg"),
        ("number\tname\n103\tJörg\n".encode("utf-16"), "Jörg"),
        ("sep=;\nnumber;name\n103;Jörg\n".encode(), "Jörg"),
        (b'Number;"Name"\n\n103;"Bell; & Sons"\n', "Bell; & Sons"),
        (b'NUMBER,name\n103,"Bell, & Sons"\n', "Bell, & Sons"),
        (b"name,,number\nCarla,,103\n", "Carla"),
    ],
)
def test_whatever_spreadsheet_programs_write_is_read(admin: Client, company: Settings, content: bytes, names: str):
    preview = upload(admin, "extensions", content)
    assert preview.status_code == 200, read(preview)
    apply(admin, "extensions", preview)
    assert Extension.objects.get(number="103").name == names


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The table is empty"),
        (b"\n\n , \n", "The table is empty"),
        (b"number,name\n", "has no rows below the names"),
        (b"name,ring_time\nAnna,5\n", "The column number must be there"),
        (b"colour;size\nred;5\n", "The column number must be there"),
        (b"number,Number\n103,104\n", "is there twice"),
        (b"PK\x03\x04\x00\x00", "This is a workbook"),
        (b"\xd0\xcf\x11\xe0\x00", "This is an old workbook"),
        (b"%PDF-1.7\n", "This is a PDF"),
        (b"number\n\x00\x01\x02", "This is not text"),
        (bytes(range(32, 256)), "This is not text"),
        (b"\xff\xfeabc", "damaged"),
        (b'number,name\n103,"never closed' + b"x" * 200_000, "can't be read from line 2 on"),
        (b"number\n" + b"1\n" * 20_001, "more than 20,000 rows"),
        (b"x" * (MAX_BYTES + 1), "larger than 5 MB"),
        (b"a," * 300 + b"\n1\n", "more than 200 columns"),
    ],
)
def test_what_is_no_table_is_refused_with_the_mend(admin: Client, company: Settings, content: bytes, told: str):
    before = api.export(company)
    answer = upload(admin, "extensions", content)
    assert answer.status_code == 422
    assert told in read(answer)
    assert api.export(company) == before


@pytest.mark.parametrize(
    ("name", "table", "told"),
    [
        ("extensions", "number,name\n103,A\n103,B\n", "3 103 extension 103 is in the table twice, first in line 2."),
        ("extensions", "number,name\n,A\n", "Number: must be given."),
        ("extensions", "number,name\n103,A,B\n", "It has 3 cells, but there are 2 columns"),
        ("extensions", "number,enabled\n103,perhaps\n", 'In use: "perhaps" must be yes or no.'),
        ("extensions", "number,forward_busy\n103,\"4,9E+10\"\n", "format the column as text"),
        ("extensions", "number,user\n103,nobody\n", 'User: there is no user "nobody"'),
        ("extensions", "number\n190\n", "Number: number 190 is already the ring group"),
        ("extensions", "number,sip_username\n103,anna101\n", 'SIP name "anna101" is already that of extension 101'),
        ("extensions", "number,codecs\n103,pcma nonsense\n", "Codecs: "),
        ("trunks", "name,hosts,username,out_called\nB,b.example.net,u,{bad\n", "written as in an exported table"),
        ("users", "login,role\nbert,emperor\n", "May do: "),
        ("outbound", "name,prefix,trunks\nSecond,7,Nobody\n", 'there is no trunk "Nobody"'),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_line_and_column(
    admin: Client, company: Settings, name: str, table: str, told: str
):
    text = read(upload(admin, name, table))
    assert told in text
    assert "1 with mistakes" in text


def test_labels_and_words_are_understood_as_well_as_names(admin: Client, company: Settings):
    table = "Name to sign in with,Full name,May do,May sign in,Extension\n"
    table += "Carla,Carla C.,Administration of telephony,nein,103\n"
    apply(admin, "users", upload(admin, "users", table))
    user = User.objects.get(login="Carla")
    assert (user.role, user.enabled) == ("telephony", False)
    extension = Extension.objects.get(number="103")
    assert (extension.user, extension.name) == (user, "Carla C.")


def test_an_extension_that_exists_is_given_to_the_user_of_the_row(admin: Client, company: Settings):
    table = "login,name,extension\nbert,Bert B.,102\n"
    assert "extension 102" in read(upload(admin, "users", table)).lower()
    apply(admin, "users", upload(admin, "users", table))
    extension = Extension.objects.get(number="102")
    assert (extension.user.login, extension.name) == ("bert", "Bert")
    assert extension.lines.get().sip_password == "not-to-be-shown-2"


def test_an_empty_cell_is_the_default_and_keeps_a_password(admin: Client, company: Settings):
    change.save(company, [Wish("extensions", {"ring_time": 40}, ("101",))], author=Author("x", "page"))
    table = "number,ring_time,sip_username,sip_password\n101,,anna101,\n102,,bert102,a-new-password-77\n"
    preview = upload(admin, "extensions", table)
    assert "a-new-password-77" not in preview.content.decode()
    apply(admin, "extensions", preview)
    row = Extension.objects.get(number="101")
    assert (row.ring_time, row.lines.get().sip_password) == (None, "not-to-be-shown-1")
    assert Line.objects.get(sip_username="bert102").sip_password == "a-new-password-77"


def test_rows_may_depend_on_each_other_and_fall_together(admin: Client, company: Settings):
    table = "number,sip_username\n103,one\n104,one\n105,two\n"
    text = read(upload(admin, "extensions", table))
    assert "2 new" in text
    assert "1 with mistakes" in text


def test_a_pasted_table_comes_back_when_it_can_not_be_read(admin: Client, company: Settings):
    answer = admin.post("/admin/extensions/import", {"text": "name\nAnna"})
    assert answer.status_code == 422
    assert "name\nAnna</textarea>" in answer.content.decode()
    assert admin.post("/admin/extensions/import", {"text": " "}).status_code == 422
    assert "1 new" in read(admin.post("/admin/extensions/import", {"text": "number\n103"}))


def test_what_somebody_uploaded_is_his_alone(admin: Client, signed_in: As, company: Settings):
    preview = upload(admin, "extensions", "number\n103\n")
    other = signed_in("telephony")
    answer = apply(other, "extensions", preview)
    assert answer.status_code == 422
    assert "not kept here any more" in read(answer)
    assert other.post("/admin/extensions/import", {"token": "../../etc/passwd", "apply": "1"}).status_code == 422
    (file,) = (company.data_dir / "uploads").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    apply(admin, "extensions", preview)
    assert not list((company.data_dir / "uploads").iterdir())


def test_a_reader_exports_and_does_not_import(signed_in: As, company: Settings):
    browser = signed_in("reader")
    assert browser.get("/admin/extensions/export").status_code == 200
    assert ">Import<" not in browser.get("/admin/extensions/").content.decode()
    assert browser.get("/admin/extensions/import").status_code == 403


def test_a_large_table_is_imported_as_one_change(admin: Client, company: Settings):
    table = "number,name\n" + "".join(f"{number},Room {number}\n" for number in range(2000, 2400))
    preview = upload(admin, "extensions", table)
    text = read(preview)
    assert "400 new" in text
    assert "And 100 more rows" in text
    count = Revision.objects.count()
    done = apply(admin, "extensions", preview)
    assert "And 200 more, which are not shown" in read(done)
    assert Revision.objects.count() == count + 1
    assert Extension.objects.count() == 402


def test_what_is_written_is_read_again():
    rows = [["a,b", 'say "x"', "=1+1", "+49 30", "line\nbreak", "'quoted"], ["", "ä€", "-", "@x", "\tx", ""]]
    head = [str(number) for number in range(6)]
    table = read_table(text_of(write_table(head, rows, ";")))
    assert table.head == tuple(head)
    assert [list(cells) for _, cells in table.rows] == rows
    assert [line for line, _ in table.rows] == [2, 4]


def test_a_text_without_rows_is_no_table():
    with pytest.raises(TableError, match="empty"):
        read_table("")


def test_what_is_far_too_large_breaks_nothing(admin: Client, company: Settings):
    assert upload(admin, "extensions", b"number\n" + b"1" * (12 << 20)).status_code == 422
    assert admin.post("/admin/extensions/import", {"text": "number\n" + "1" * (12 << 20)}).status_code == 400
    assert "larger than 5 MB" in read(admin.post("/admin/extensions/import", {"text": "n" * (MAX_BYTES + 1)}))


def test_trunks_are_imported_with_their_passwords_and_none_is_shown(admin: Client, company: Settings):
    table = "name,hosts,username,password\nSecond,two.example.net one.example.net,u,not-to-be-shown-6\n"
    preview = upload(admin, "trunks", table)
    assert "not-to-be-shown" not in preview.content.decode()
    assert apply(admin, "trunks", preview).status_code == 302
    row = SCREENS["trunks"].section.model().objects.get(name="Second")
    assert (row.password, row.hosts) == ("not-to-be-shown-6", ("two.example.net", "one.example.net"))
    answer = admin.post("/admin/trunks/export/passwords")
    assert [one["password"] for one in rows_in(answer)] == ["not-to-be-shown-3", "not-to-be-shown-6"]


def test_what_somebody_changed_since_the_preview_is_looked_at_again(admin: Client, company: Settings):
    preview = upload(admin, "extensions", "number,sip_username\n103,carla103\n")
    wish = Wish("extensions", {"number": "105", "lines": [{"sip_username": "carla103"}]})
    change.save(company, [wish], author=Author("x", "page"))
    answer = apply(admin, "extensions", preview)
    assert answer.status_code == 422
    assert 'SIP name "carla103" is already that of extension 105' in read(answer)
