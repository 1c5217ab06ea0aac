"""Plain data that the engine moves forward: grid, cell table, fields, compiled tables.

Nothing here computes; arrays are in internal units (um, min, pg/ml, fg).
"""
