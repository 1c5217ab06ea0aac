"""The language of claims: comparisons of readouts, parsed and checked here, evaluated in `abm.study`.

A claim is data.  It is cut into tokens (`tokens`), read into a tree (`syntax`) and turned into an
expression whose names, units and times are known to exist (`checker`, by the table in `functions`).
Nothing in it is ever executed: there is no attribute, no index, no assignment and no way to name
anything but the functions of the table and what the scenario declares.
"""
