"""One phone's configuration with everything in it, for the tests of templates. Nothing in it is secret."""

from dataclasses import replace

from jackfield.provisioning.catalogue import PhoneModel
from jackfield.provisioning.configuration import Account, Directory, Fetching, Key, PhoneConfiguration, Server
from jackfield.provisioning.render import render

from .reading import (
    ReadPhone,
    fanvil,
    generic,
    gigaset,
    grandstream,
    polycom,
    sipura,
    snom,
    yealink,
)

READERS = {
    "yealink": yealink,
    "snom": snom,
    "linksys": sipura,
    "cisco": sipura,
    "polycom": polycom,
    "grandstream": grandstream,
    "fanvil": fanvil,
    "gigaset": gigaset,
    "generic": generic,
}
MAIN = Server(host="pbx.example.com", port=5061)

SAMPLE = PhoneConfiguration(
    mac="020000aabbcc",
    accounts=(
        Account(
            number="103", username="x7k2m", auth_username="a7k2m", password="PASSWORD-ONE", server=MAIN,
            backup=Server(host="192.0.2.9", port=5061), name="Reception", transport="tls", srtp="required",
            codecs=("g722", "pcma", "pcmu"), voicemail="*97", expires=600, keep_alive=25,
        ),
        Account(
            number="104", username="x9p1q", password="PASSWORD-TWO", server=Server(host="pbx.example.com"),
            name="Workshop", srtp="off", codecs=("pcma", "g729"), expires=300, keep_alive=25,
        ),
    ),
    keys=(
        Key(kind="line", line=1, label="103"),
        Key(kind="blf", value="105", label="Boss"),
        Key(kind="speed_dial", value="0012345", label="Taxi"),
        Key(kind="park", value="701", label="Park 1"),
        Key(kind="pickup", value="106", label="Pick up 106"),
        Key(kind="voicemail", value="*97", label="Messages"),
        Key(kind="forward", value="107", label="To 107", line=2),
        Key(),
    ),
    fetching=Fetching(
        url="https://pbx.example.com/p/", username="020000aabbcc", password="FETCH-PASSWORD", interval=43200,
        authority_url="https://pbx.example.com/authority.pem",
    ),
    time_zone="Europe/Prague",
    ntp_server="ntp.example.com",
    country="cz",
    language="de",
    directory=Directory(
        name="Company", ldap_host="pbx.example.com", ldap_port=1389, ldap_base="ou=people,dc=example",
        ldap_user="cn=phone", ldap_password="LDAP-PASSWORD", xml_url="https://pbx.example.com/p/directory.xml",
    ),
    logo_url="https://pbx.example.com/p/logo.png",
    admin_password="ADMIN-PASSWORD",
    user_password="USER-PASSWORD",
    firmware_url="https://pbx.example.com/p/firmware.bin",
    pickup_code="*8",
    multicast_paging=("239.1.2.3:5004",),
)  # fmt: skip


def read(model: PhoneModel, configuration: PhoneConfiguration, overrides: dict[str, str] | None = None) -> ReadPhone:
    """Render a model's files and read them back as the phone does."""
    bodies = {
        file.name: render(model, file.name, configuration, overrides).body
        for file in model.files
        if file.kind != "nothing"
    }
    return READERS[model.vendor].read(bodies[model.main_file.name], bodies)


def without_a_phone() -> PhoneConfiguration:
    """What the files are made from that are the same for all phones of a model."""
    return replace(SAMPLE, mac="", accounts=(), keys=(), fetching=Fetching(url="https://pbx.example.com/p/"))
