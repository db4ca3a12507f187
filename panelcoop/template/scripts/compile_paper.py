"""Compile the paper: it reads only what the other scripts wrote."""

import typst

typst.compile("paper/paper.typ", output="paper/paper.pdf", root=".")
print("paper/paper.pdf")
