import pytest

from jackfield.provisioning.catalogue import MODELS, VENDORS
from jackfield.provisioning.requests import PathRefused, file_for, normal_mac, recognise, spelled_mac, vendor_of_mac

SNOM = "Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12-00004-g9ba52f5 000413922D24 SXM:0 UXM:0)"


@pytest.mark.parametrize(
    ("path", "agent", "vendor", "file", "mac", "model"),
    [
        ("/001565aabbcc.cfg", "Yealink SIP-T46U 108.86.0.20 00:15:65:aa:bb:cc",
         "yealink", "{mac}.cfg", "001565aabbcc", "yealink-t46u"),
        ("/p/secret/y000000000108.cfg", "Yealink SIP-T46U 108.86.0.20 80:5e:c0:11:22:33",
         "yealink", "y{code}.cfg", "805ec0112233", "yealink-t46u"),
        ("y000000000044.cfg", "", "yealink", "y{code}.cfg", "", "yealink-t23g"),
        ("/snomD785-000413922D24.htm", SNOM, "snom", "snom{model}-{mac}.htm", "000413922d24", "snom-d785"),
        ("/snomD785.htm", SNOM, "snom", "snom{model}.htm", "000413922d24", "snom-d785"),
        ("/000413922D24.xml", "", "snom", "{mac}.xml", "000413922d24", ""),
        ("/spa504G.cfg", "Cisco/SPA504G-7.4.4 (8843E157DDCC)(CBT141100HR)",
         "linksys", "spa{model}.cfg", "8843e157ddcc", "linksys-spa504g"),
        ("/spa942.cfg", "", "linksys", "spa{model}.cfg", "", "linksys-spa942"),
        ("/000e08123456.xml", "", "linksys", "{mac}.xml", "000e08123456", ""),
        ("/00562b043615.xml", "Cisco-CP-8851-3PCC/12.0.1 (00562b043615)",
         "cisco", "{mac}.xml", "00562b043615", "cisco-cp-8851"),
        ("/CP-8851-3PCC.xml", "", "cisco", "{model}-3PCC.xml", "", "cisco-cp-8851"),
    ],
)  # fmt: skip
def test_what_a_phone_asks_for_is_recognised(path, agent, vendor, file, mac, model):
    asked = recognise(path, agent)
    assert (asked.vendor, asked.file, asked.mac, asked.model) == (vendor, file, mac, model)


def test_a_file_that_two_vendors_have_goes_to_the_one_that_the_phone_says_it_is():
    assert recognise("/02aabbccddee.cfg", "Yealink SIP-T46U 108.86.0.20 02:aa:bb:cc:dd:ee").vendor == "yealink"


@pytest.mark.parametrize("spelling", ["001565AABBCC", "00:15:65:aa:bb:cc", "00-15-65-AA-BB-CC", "0015.65aa.bbcc",
                                      " 00 15 65 AA BB CC ", "00_15_65_aa_bb_cc"])  # fmt: skip
def test_all_spellings_of_a_mac_are_one(spelling):
    assert normal_mac(spelling) == "001565aabbcc"
    assert spelled_mac(normal_mac(spelling)) == "00:15:65:aa:bb:cc"


@pytest.mark.parametrize("wrong", ["", "001565AABBC", "001565AABBCCD", "00156GAABBCC", "phone", "00:15:65:aa:bb",
                                   "ffffffffffff", "000000000000", "01005e000001"])  # fmt: skip
def test_what_is_no_mac_says_so(wrong):
    with pytest.raises(ValueError, match="MAC address"):
        normal_mac(wrong)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/../../etc/passwd", "another folder"),
        ("/p/%2e%2e/%2e%2e/etc/passwd", "another folder"),
        ("/%252e%252e/etc/passwd", "percent-coded twice"),
        ("..\\..\\boot.ini", "backslash"),
        ("/a/%5c..%5c", "backslash"),
        ("/001565aabbcc.cfg%00.txt", "control character"),
        ("/001565aabbcc.cfg\x00", "control character"),
        ("//etc/passwd", "from the root of a disk"),
        ("/p//etc/passwd", "from the root of a disk"),
        ("C:/001565aabbcc.cfg", "drive's letter"),
        ("/" + "a" * 300, "301 characters"),
        ("/%ff%fe", "not text"),
        ("./001565aabbcc.cfg", "another folder"),
    ],
)
def test_a_path_that_plays_tricks_is_refused_with_the_reason(path, reason):
    with pytest.raises(PathRefused, match=reason):
        recognise(path, "Yealink SIP-T46U 108.86.0.20 00:15:65:aa:bb:cc")


@pytest.mark.parametrize("path", ["/", "", "/index.php", "/001565aabbcc.cfg.bak", "/wp-login.php", "/y.cfg", "/šnek"])
def test_a_name_that_no_phone_asks_for_is_none(path):
    assert recognise(path, "curl/8") is None


def test_a_phone_is_found_by_its_file_whatever_its_case():
    for model in MODELS.values():
        for file in model.files:
            prefix = VENDORS[model.vendor].mac_prefixes[:1]
            mac = (prefix[0] if prefix else "020000") + "0a0b0c"
            name = file.named(mac, model=(*model.asks_as, model.name)[0], code=model.code or "0")
            for spelled in (name, name.upper()):
                asked = recognise("/" + spelled)
                assert asked is not None, spelled
                assert asked.kind == file.kind


def test_every_prefix_belongs_to_one_vendor():
    for vendor in VENDORS.values():
        for prefix in vendor.mac_prefixes:
            assert len(prefix) == 6
            assert vendor_of_mac(prefix + "000000") == vendor.folder
    assert vendor_of_mac("02aabbccddee") == ""


def test_a_phone_that_is_known_needs_no_guess():
    name = "/p/secret/020000AABBCC.cfg"  # many vendors have such a file
    assert file_for(MODELS["fanvil-x5u"], name).template == "fanvil/phone.cfg"
    assert file_for(MODELS["yealink-t46u"], name).template == "yealink/phone.cfg"
    assert file_for(MODELS["polycom-vvx-450"], name).kind == "common"
    assert file_for(MODELS["snom-d785"], name) is None
    with pytest.raises(PathRefused):
        file_for(MODELS["fanvil-x5u"], "/../020000AABBCC.cfg")
