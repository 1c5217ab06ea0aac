"""The default biology as data files, every value with unit, range, kind and source."""
