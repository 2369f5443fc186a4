"""Finding what was said, noted and written.

Whoever writes such a thing leaves a line of it in the same transaction (`index.later`), and takes no longer than that
for being found. A second later `following` looks at those lines, asks `gathering` what is to be found there now, and
puts it into the index; vectors follow, from here or from a server. A rung for each kind of database (`base`) finds by
words, `vectors` by likeness, and `finding` puts both together.
"""
