"""The torture messages of RFC 4475, by the names that it gives them; where it writes "<hex>" or repeats, so do we.

Nearly verbatim from the document; the signed body of mpart01 is shortened to what makes it hard, its bytes.
More than 500 lines, since the document is long and its messages belong together.
"""

from __future__ import annotations

SDP = """\
v=0
o=mhandley 29739 7272939 IN IP4 192.0.2.3
s=-
c=IN IP4 192.0.2.4
t=0 0
m=audio 49217 RTP/AVP 0 12
m=video 3227 RTP/AVP 31
a=rtpmap:31 LPC
"""

_LONG = "".join(f"reallylong{number}" for number in range(20))
_BINARY = bytes.fromhex("3082015206092a864886f70d010702a08201433082013f0d0a0d0a0201013109300706052b0e03021a00ff00")

_TEXT = {
    # 3.1.1 Valid messages
    "wsinv": r"""
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 150
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

"""
    + SDP,
    "intmeth": (
        "\n!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
        ":&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0\n"
        "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\n"
        'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" '
        "<sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>\n"
        "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>"
        ";fromParam''~+*_!.-%=\"работающий\";tag=_token~1'+`*%!-.\n"
        "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\n"
        "CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~\n"
        "Max-Forwards: 255\n"
        "extensionHeader-!.%*+_`'~:\ufeff大停電\n"
        "Content-Length: 0\n\n"
    ),
    "esc01": """
INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact:
  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: 150

"""
    + SDP,
    "escnull": """
REGISTER sip:example.com SIP/2.0
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>
L:0

""",
    "esc02": """
RE%47IST%45R sip:registrar.example.com SIP/2.0
To: "%Z%45" <sip:resource@example.com>
From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Contact: <sip:alias1@host1.example.com>
C%6Fntact: <sip:alias2@host2.example.com>
Contact: <sip:alias3@host3.example.com>
l: 0

""",
    "lwsdisp": """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw
l: 0

""",
    "longreq": "\n".join(
        [
            "",
            "INVITE sip:user@example.com SIP/2.0",
            f'To: "I have a user name of {"extreme " * 10}proportion" <sip:user@example.com:6000;'
            f"unknownparam1=very{_LONG}value;longparam{_LONG}name=shortvalue;very{_LONG}ParameterNameWithNoValue>",
            f"F: sip:amazinglylong{_LONG}callername@example.net;tag=12{'982' * 50}424;"
            f"unknownheaderparam{_LONG}name=unknownheaderparam{_LONG}value;unknownValueless{_LONG}paramname",
            f"Call-ID: longreq.one{'really' * 20}longcallid",
            "CSeq: 3882340 INVITE",
            f"Unknown-{'Long' * 20}-Name: unknown-{'long' * 20}-value; "
            f"unknown-{'long' * 20}-parameter-name = unknown-{'long' * 20}-parameter-value",
            *(f"{'v' if n % 3 else 'Via'}: SIP/2.0/TCP sip{n}.example.com" for n in range(33, 0, -1)),
            f"Via: SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=very{_LONG}branchvalue",
            "Max-Forwards: 70",
            f"Contact: <sip:amazinglylong{_LONG}callername@host5.example.net>",
            "Content-Type: application/sdp",
            "l: 150",
            "",
            SDP,
        ]
    ),
    "dblreq": """
REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=43251j3j324
Max-Forwards: 8
I: dblreq.0ha0isndaksdj99sdfafnl3lk233412
Contact: sip:j.user@host.example.com
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492
Content-Length: 0

INVITE sip:joe@example.com SIP/2.0
t: sip:joe@example.com
From: sip:caller@example.net;tag=141334
Max-Forwards: 8
Call-ID: dblreq.0ha0isnda977644900765@192.0.2.15
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234
Content-Type: application/sdp
Content-Length: 150

"""
    + SDP,
    "semiuri": """
OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Call-ID: semiuri.0ha0isndaksdj
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime,
        multipart/mixed, multipart/signed,
        message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw
l: 0

""",
    "transports": """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID:  transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee
l: 0

""",
    "unreason": """
SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Call-ID: unreason.1234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 150
Content-Type: application/sdp
Contact: <sip:user@host198.example.com>

"""
    + SDP,
    "noreason": """
SIP/2.0 100\x20
Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe
Call-ID: noreason.asndj203insdf99223ndf
CSeq: 35 INVITE
From: <sip:user@example.com>;tag=39ansfi3
To: <sip:user@example.edu>;tag=902jndnke3
Content-Length: 0
Contact: <sip:user@host105.example.com>

""",
    # 3.1.2 Invalid messages
    "badinv01": """
INVITE sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=134161461246
Max-Forwards: 7
Call-ID: badinv01.0ha0isndaksdjasdf3234nas
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;;,;,,
Contact: "Joe" <sip:joe@example.org>;;;;
Content-Length: 150
Content-Type: application/sdp

"""
    + SDP,
    "clerr": """
INVITE sip:user@example.com SIP/2.0
Max-Forwards: 80
To: sip:j.user@example.com
From: sip:caller@example.net;tag=93942939o2
Contact: <sip:caller@hungry.example.net>
Call-ID: clerr.0ha0isndaksdjweiafasdk3
CSeq: 8 INVITE
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bK-39234-23523
Content-Type: application/sdp
Content-Length: 9999

"""
    + SDP,
    "ncl": """
INVITE sip:user@example.com SIP/2.0
Max-Forwards: 254
To: sip:j.user@example.com
From: sip:caller@example.net;tag=32394234
Call-ID: ncl.0ha0isndaksdj2193423r542w35
CSeq: 0 INVITE
Via: SIP/2.0/UDP 192.0.2.53;branch=z9hG4bKkdjuw
Contact: <sip:caller@example53.example.net>
Content-Type: application/sdp
Content-Length: -999

"""
    + SDP,
    "scalar02": f"""
REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bK342sdfoi3
To: <sip:user@example.com>
From: <sip:user@example.com>;tag=239232jh3
CSeq: 36893488147419103232 REGISTER
Call-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32
Max-Forwards: 300
Expires: 1{"0" * 100}
Contact: <sip:user@host129.example.com>
  ;expires=280297596632815
Content-Length: 0

""",
    "scalarlg": """
SIP/2.0 503 Service Unavailable
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129
To: <sip:user@example.com>
From: <sip:other@example.net>;tag=2easdjfejw
CSeq: 9292394834772304023312 OPTIONS
Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r
Retry-After: 949302838503028349304023988
Warning: 1812 overture "In Progress"
Content-Length: 0

""",
    "quotbal": """
INVITE sip:user@example.com SIP/2.0
To: "Mr. J. User <sip:j.user@example.com>
From: sip:caller@example.net;tag=93334
Max-Forwards: 10
Call-ID: quotbal.aksdj
Contact: <sip:caller@host59.example.net>
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.59:5050;branch=z9hG4bKkdjuw39234
Content-Type: application/sdp
Content-Length: 150

"""
    + SDP,
}


def _invite(start_line: str, call_id: str, *extra: str) -> str:
    """Most of the invalid ones are this INVITE with one thing wrong."""
    lines = [
        start_line,
        "To: sip:user@example.com",
        "From: sip:caller@example.net;tag=39291",
        "Max-Forwards: 23",
        f"Call-ID: {call_id}",
        "CSeq: 1 INVITE",
        "Via: SIP/2.0/UDP 192.0.2.5;branch=z9hG4bKkdjuw",
        "Contact: <sip:caller@host5.example.net>",
        *extra,
        "Content-Type: application/sdp",
        "Content-Length: 150",
    ]
    return "\n" + "\n".join(lines) + "\n\n" + SDP


def _options(start_line: str, *lines: str, to: str = "sip:user@example.com") -> str:
    given = [
        start_line,
        f"To: {to}",
        "Call-ID: options.09234203",
        "Max-Forwards: 70",
        *lines,
        "Content-Length: 0",
    ]
    return "\n" + "\n".join(given) + "\n\n"


_FROM = "From: <sip:caller@example.com>;tag=323"
_VIA = "Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw"
_OPTIONS = ("CSeq: 60 OPTIONS", _FROM, _VIA)
_REGISTER = ("CSeq: 8 REGISTER", _FROM, _VIA)

_TEXT |= {
    "ltgtruri": _invite("INVITE <sip:user@example.com> SIP/2.0", "ltgtruri.1@192.0.2.5"),
    "lwsruri": _invite("INVITE sip:user@example.com; lr SIP/2.0", "lwsruri.asdfasdoeoi2323-asdfwrn23-asd834rk423"),
    "lwsstart": _invite("INVITE  sip:user@example.com  SIP/2.0", "lwsstart.dfknq234oi243099adsdfnawe3@example.com"),
    "trws": _options("OPTIONS sip:remote-target@example.com SIP/2.0  ", *_OPTIONS),
    "escruri": _invite(
        "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0",
        "escruri.23940-asdfhj-aje3br-234q098w-fawerh2q-h4n5",
    ),
    "baddate": _invite(
        "INVITE sip:user@example.com SIP/2.0",
        "baddate.239423mnsadf3j23lj42--sedfnm234",
        "Date: Fri, 01 Jan 2010 16:00:00 EST",
    ),
    "regbadct": _options(
        "REGISTER sip:example.com SIP/2.0", *_REGISTER, "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    ),
    "badaspec": _options(
        "OPTIONS sip:user@example.org SIP/2.0", *_OPTIONS, to='"Watson, Thomas" < sip:t.watson@example.org >'
    ),
    "baddn": _options(
        "OPTIONS sip:t.watson@example.org SIP/2.0",
        "CSeq: 3923239 OPTIONS",
        "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43",
        _VIA,
    ),
    "badvers": _options(
        "OPTIONS sip:t.watson@example.org SIP/7.0",
        "CSeq: 0 OPTIONS",
        _FROM,
        "Via: SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw",
    ),
    "mismatch01": _options("OPTIONS sip:user@example.com SIP/2.0", "CSeq: 8 INVITE", _FROM, _VIA),
    "mismatch02": _options("NEWMETHOD sip:user@example.com SIP/2.0", "CSeq: 34858439 INVITE", _FROM, _VIA),
    "bigcode": _options("SIP/2.0 4294967301 better not break the receiver", "CSeq: 353494 INVITE", _FROM, _VIA),
    # 3.2 Transaction layer semantics
    "badbranch": _options(
        "OPTIONS sip:user@example.com SIP/2.0", "CSeq: 8 OPTIONS", _FROM, "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"
    ),
    # 3.3 Application layer semantics
    "insuf": """
INVITE sip:user@example.com SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf
Content-Type: application/sdp
l: 150

"""
    + SDP,
    "unkscm": _options("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0", *_OPTIONS),
    "novelsc": _options("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", *_OPTIONS),
    "unksm2": _options(
        "REGISTER sip:example.com SIP/2.0",
        "CSeq: 234902 REGISTER",
        "From: <http://www.example.com>;tag=3234233",
        _VIA,
        "Contact: <name:John_Smith>",
        to="isbn:2983792873",
    ),
    "bext01": _options(
        "OPTIONS sip:user@example.com SIP/2.0",
        *_OPTIONS,
        "Require: nothingSupportsThis, nothingSupportsThisEither",
        "Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis",
    ),
    "invut": """
INVITE sip:user@example.com SIP/2.0
Contact: <sip:caller@host5.example.net>
To: sip:j.user@example.com
From: sip:caller@example.net;tag=8392034
Max-Forwards: 70
Call-ID: invut.0ha0isndaksdjadsfij34n23d
CSeq: 235448 INVITE
Via: SIP/2.0/UDP somehost.example.com;branch=z9hG4bKkdjuw
Content-Type: application/unknownformat
Content-Length: 40

<audio>
 <pcmu port="443"/>
</audio>
""",
    "regaut01": _options(
        "REGISTER sip:example.com SIP/2.0",
        *_REGISTER,
        "Authorization: NoOneKnowsThisScheme opaque-data=here",
    ),
    "multi01": """
INVITE sip:user@company.com SIP/2.0
Contact: <sip:caller@host25.example.net>
Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKkdjuw
Max-Forwards: 70
CSeq: 5 INVITE
Call-ID: multi01.98asdh@192.0.2.1
CSeq: 59 INVITE
Call-ID: multi01.98asdh@192.0.2.2
From: sip:caller@example.com;tag=3413415
To: sip:user@example.com
To: sip:other@example.net
From: sip:caller@example.net;tag=2923420123
Content-Type: application/sdp
l: 150
Contact: <sip:caller@host36.example.net>
Max-Forwards: 5

"""
    + SDP,
    "mcl01": """
OPTIONS sip:user@example.com SIP/2.0
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bK293423
To: sip:user@example.com
From: sip:other@example.net;tag=3923942
Call-ID: mcl01.fhn2323orihawfdoa3o4r52o3irsdf
CSeq: 15932 OPTIONS
Content-Length: 13
Max-Forwards: 60
Content-Length: 5
Content-Type: text/plain

There's no way to know how many octets are supposed to be here.
""",
    "bcast": """
SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23
Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 150
Content-Type: application/sdp
Contact: <sip:user@host28.example.com>

"""
    + SDP,
    "zeromf": _options("OPTIONS sip:user@example.com SIP/2.0", *_OPTIONS).replace("Forwards: 70", "Forwards: 0"),
    "cparam01": _options(
        "REGISTER sip:example.com SIP/2.0", *_REGISTER, "Contact: sip:+19725552222@gw1.example.net;unknownparam"
    ),
    "cparam02": _options(
        "REGISTER sip:example.com SIP/2.0", *_REGISTER, "Contact: <sip:+19725552222@gw1.example.net;unknownparam>"
    ),
    "regescrt": _options(
        "REGISTER sip:example.com SIP/2.0",
        *_REGISTER,
        "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>",
    ),
    "sdp01": _invite("INVITE sip:user@example.com SIP/2.0", "sdp01.ndaksdj9342dasdd", "Accept: text/nobodyKnowsThis"),
    # 3.4 Backward compatibility
    "inv2543": """
INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Content-Type: application/sdp

"""
    + SDP,
}

MESSAGES = {name: text.removeprefix("\n").replace("\n", "\r\n").encode() for name, text in _TEXT.items()}

_PARTS = (
    b"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\nHello\r\n"
    b"--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    + _BINARY
    + b"\r\n--7a9cbec02ceef655--\r\n"
)
MESSAGES["mpart01"] = (
    b"MESSAGE sip:kumiko@example.org SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-;rport\r\n"
    b"Max-Forwards: 70\r\nRoute: <sip:127.0.0.1:5080>\r\n"
    b"Identity: r5mwreLuyDRYBi/0TiPwEsY3rEVsk/G2WxhgTV1PF7hHuLIK0YWVKZhKv9Mj8UeXqkMVbnVq37CD+813gvYjcBUaZngQmXc9"
    b"WNZSDNGCzA+fWl9MEUHWIZo1CeJebdY/XlgKeTa0Olvq0rt70Q5jiSfbqMJmQFteeivUhkMWYUA=\r\n"
    b"Contact: <sip:fluffy@127.0.0.1:5070>\r\nTo: <sip:kumiko@example.org>\r\n"
    b"From: <sip:fluffy@example.com>;tag=2fb0dcc9\r\nCall-ID: 3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..\r\n"
    b"CSeq: 1 MESSAGE\r\nContent-Transfer-Encoding: binary\r\n"
    b"Content-Type: multipart/mixed;boundary=7a9cbec02ceef655\r\nDate: Sat, 15 Oct 2005 04:44:56 GMT\r\n"
    b"User-Agent: SIPimp.org/0.2.5 (curses)\r\nContent-Length: " + str(len(_PARTS)).encode() + b"\r\n\r\n" + _PARTS
)
