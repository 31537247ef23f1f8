"""Emergency numbers by country: public facts, as the national numbering plans and ITU-T's bulletins have them."""

from __future__ import annotations

__all__ = ["emergency_numbers"]

_EUROPE = {"112": "Emergency"}
_NANP = {"911": "Emergency"}
_ONE = {
    "AD": "110 Police, 116 Ambulance, 118 Fire",
    "AE": "999 Police, 998 Ambulance, 997 Fire",
    "AR": "911 Emergency, 101 Police, 107 Ambulance, 100 Fire",
    "AT": "112 Emergency, 122 Fire, 133 Police, 144 Ambulance",
    "AU": "000 Emergency, 112 Emergency, 106 Emergency by text phone",
    "BE": "112 Emergency, 101 Police, 100 Fire and ambulance",
    "BG": "112 Emergency",
    "BR": "190 Police, 192 Ambulance, 193 Fire",
    "CA": "911 Emergency",
    "CH": "112 Emergency, 117 Police, 118 Fire, 144 Ambulance, 1414 Air rescue",
    "CL": "131 Ambulance, 132 Fire, 133 Police",
    "CN": "110 Police, 119 Fire, 120 Ambulance",
    "CO": "123 Emergency",
    "CY": "112 Emergency, 199 Emergency",
    "CZ": "112 Emergency, 150 Fire, 155 Ambulance, 156 Municipal police, 158 Police",
    "DE": "110 Police, 112 Fire and ambulance",
    "DK": "112 Emergency",
    "EE": "112 Emergency",
    "ES": "112 Emergency, 061 Ambulance, 080 Fire, 091 Police",
    "FI": "112 Emergency",
    "FR": "112 Emergency, 15 Ambulance, 17 Police, 18 Fire, 114 Emergency by text, 115 Social aid, 196 Sea rescue",
    "GB": "999 Emergency, 112 Emergency",
    "GR": "112 Emergency, 100 Police, 166 Ambulance, 199 Fire",
    "HK": "999 Emergency",
    "HR": "112 Emergency, 192 Police, 193 Fire, 194 Ambulance",
    "HU": "112 Emergency, 104 Ambulance, 105 Fire, 107 Police",
    "ID": "112 Emergency, 110 Police, 113 Fire, 118 Ambulance",
    "IE": "112 Emergency, 999 Emergency",
    "IL": "100 Police, 101 Ambulance, 102 Fire",
    "IN": "112 Emergency, 100 Police, 101 Fire, 108 Ambulance",
    "IS": "112 Emergency",
    "IT": "112 Emergency, 113 Police, 115 Fire, 118 Ambulance",
    "JP": "110 Police, 119 Fire and ambulance, 118 Coast guard",
    "KR": "112 Police, 119 Fire and ambulance",
    "KZ": "112 Emergency, 101 Fire, 102 Police, 103 Ambulance, 104 Gas",
    "LI": "112 Emergency, 117 Police, 118 Fire, 144 Ambulance",
    "LT": "112 Emergency",
    "LU": "112 Emergency, 113 Police",
    "LV": "112 Emergency, 110 Police, 113 Ambulance",
    "MT": "112 Emergency",
    "MX": "911 Emergency",
    "MY": "999 Emergency",
    "NL": "112 Emergency",
    "NO": "110 Fire, 112 Police, 113 Ambulance",
    "NZ": "111 Emergency",
    "PH": "911 Emergency",
    "PL": "112 Emergency, 997 Police, 998 Fire, 999 Ambulance",
    "PT": "112 Emergency",
    "RO": "112 Emergency",
    "RS": "192 Police, 193 Fire, 194 Ambulance",
    "SA": "911 Emergency, 997 Ambulance, 998 Fire, 999 Police",
    "SE": "112 Emergency",
    "SG": "995 Fire and ambulance, 999 Police",
    "SI": "112 Fire and ambulance, 113 Police",
    "SK": "112 Emergency, 150 Fire, 155 Ambulance, 158 Police",
    "TH": "191 Police, 199 Fire, 1669 Ambulance",
    "TR": "112 Emergency",
    "TW": "110 Police, 119 Fire and ambulance",
    "UA": "112 Emergency, 101 Fire, 102 Police, 103 Ambulance, 104 Gas",
    "US": "911 Emergency",
    "VN": "113 Police, 114 Fire, 115 Ambulance",
    "ZA": "112 Emergency, 10111 Police, 10177 Ambulance and fire",
}


def emergency_numbers(country: str) -> dict[str, str]:
    """Return number -> what it is for, for a country by its ISO 3166-1 alpha-2 code.

    Countries that are not in the table get 911 where they share the North American plan (+1), else 112, which every
    mobile network of the world understands; the administrator is to check them.
    """
    if country in _ONE:
        pairs = (part.strip().partition(" ") for part in _ONE[country].split(","))
        return {number: name for number, _, name in pairs}
    import phonenumbers

    return dict(_NANP if phonenumbers.country_code_for_region(country) == 1 else _EUROPE)
