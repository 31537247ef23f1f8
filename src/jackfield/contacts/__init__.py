"""Contacts: the company's, those of each person, and favourites; names for numbers; vCards."""
