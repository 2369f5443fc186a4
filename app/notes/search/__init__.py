"""Finding what was said, noted and written.

`index` keeps a row for each thing that can be found (`models`), in the transaction that writes the thing itself; a rung
for each kind of database (`base`) finds by words, `vectors` by likeness, and `finding` puts both together.
"""
