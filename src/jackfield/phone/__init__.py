"""A softphone as a library: `jackfield phone`, `jackfield selftest`, and the ear of the tests.

    async with Phone(Account("k3f9", "secret", server="192.0.2.1")) as phone:
        await phone.register()
        call = phone.call("102", source=Tone(440))
        await call.wait_answered()
        await call.ear.hear(480)        # the other side's tone
        call.hang_up()

It is an ordinary SIP user agent (UDP, TCP, TLS) with sockets of its own; it knows nothing of the switch.
"""

from jackfield.phone.account import Account, PhoneError
from jackfield.phone.audio import Audio, AudioStatistics
from jackfield.phone.call import PhoneCall
from jackfield.phone.ear import Ear
from jackfield.phone.phone import Phone
from jackfield.phone.sources import File, Silence, Source, Tone

__all__ = [
    "Account",
    "Audio",
    "AudioStatistics",
    "Ear",
    "File",
    "Phone",
    "PhoneCall",
    "PhoneError",
    "Silence",
    "Source",
    "Tone",
]
