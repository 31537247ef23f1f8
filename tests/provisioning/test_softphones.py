from xml.etree import ElementTree

import pytest

from jackfield.provisioning.configuration import Account, Server
from jackfield.provisioning.softphones import APPS, Softphone, by_slug, link_of

PHONE = Softphone(
    Account(
        number="103", username="x7k2m", password="PASS<&>WORD", server=Server(host="pbx.example.com", port=5061),
        name='Rece"p<t>ion & Größe\n', transport="tls", srtp="required", voicemail="*97", expires=600,
    ),
    realm="jackfield",
)  # fmt: skip
ADDRESS = "https://pbx.example.com:8443/phone/TOKEN/"


def tree(slug, phone=PHONE):
    return ElementTree.fromstring(by_slug(slug).body(phone))


def test_linphone_registers_by_what_it_reads():
    space = "{http://www.linphone.org/xsds/lpconfig.xsd}"
    entries = {
        (section.get("name"), entry.get("name")): entry.text
        for section in tree("linphone").iter(f"{space}section")
        for entry in section
    }
    assert entries["auth_info_0", "username"] == "x7k2m"
    assert entries["auth_info_0", "passwd"] == "PASS<&>WORD"
    assert entries["auth_info_0", "realm"] == "jackfield"
    assert entries["proxy_0", "reg_proxy"] == "<sip:pbx.example.com:5061;transport=tls>"
    assert entries["proxy_0", "reg_identity"] == '"Recep<t>ion & Größe" <sip:x7k2m@pbx.example.com>'
    assert entries["sip", "media_encryption"] == "srtp"
    assert entries["sip", "media_encryption_mandatory"] == "1"


def test_groundwire_registers_by_what_it_reads():
    account = tree("groundwire")
    assert account.tag == "account"
    values = {one.tag: one.text for one in account}
    assert (values["username"], values["authUsername"], values["password"]) == ("x7k2m", "x7k2m", "PASS<&>WORD")
    assert (values["host"], values["transport"]) == ("pbx.example.com:5061", "tls+sip:")
    assert values["title"] == 'Rece"p<t>ion & Größe'
    assert (values["voiceMailNumber"], values["sdes"]) == ("*97", "mandatory")


def test_zoiper_gets_name_and_password_for_its_token():
    account = tree("zoiper").find("accounts/account")
    assert account.findtext("username") == "x7k2m"
    assert account.findtext("password") == "PASS<&>WORD"
    assert account.findtext("authentication_username") == "x7k2m"


def test_each_app_is_opened_by_its_own_link():
    links = {app.slug: link_of(app, ADDRESS + app.file, zoiper_provider="4fab", token="TO/K") for app in APPS}
    assert links == {
        "linphone": "linphone-config:https://pbx.example.com:8443/phone/TOKEN/linphone.xml",
        "groundwire": "provlinkbs://pbx.example.com:8443/phone/TOKEN/groundwire.xml",
        "zoiper": "https://oem.zoiper.com/qr-howto.php?provider_id=4fab&u=&p=&a=&t=TO%2FK",
    }
    assert link_of(by_slug("groundwire"), "http://192.0.2.1/phone/T/x").startswith("provlinkb://")


def test_zoiper_has_no_link_without_a_number_at_its_service():
    assert link_of(by_slug("zoiper"), ADDRESS, token="T") == ""


def test_an_app_that_is_not_known_is_told():
    with pytest.raises(KeyError):
        by_slug("skype")
