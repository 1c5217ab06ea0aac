"""Fitting chosen parameters, within their ranges, to published targets."""
