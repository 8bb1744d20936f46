"""From what people write to the blocks of an article.

parser.to_html      Markdown of every dialect to HTML, with the line of every block
boxes, tags, inline the rules for what the dialects add
elements            what a box, component or shortcode is, by its name
dom.parse           HTML, ours and the author's, to a small tree of known tags
builder.Builder     the tree to blocks; whatever a block cannot hold stands beside or below it
"""
