use super::*;

fn check(input: &str, expected: &str) {
    assert_eq!(pretty(input).unwrap(), expected, "{input}");
}

#[test]
fn documents_are_indented() {
    check(
        "<!DOCTYPE html><html><head><title>Hi</title></head><body><div class=a><p>Hello <b>you</b></p><br><img src=x>\
         </div><!-- c --><script>var a = 1;\nvar b;</script></body></html>",
        "<!DOCTYPE html>\n<html>\n<head>\n  <title>Hi</title>\n</head>\n<body>\n  <div class=a>\n    <p>\n      Hello\n      \
         <b>you</b>\n    </p>\n    <br>\n    <img src=x>\n  </div>\n  <!-- c -->\n  <script>\n    var a = 1;\n    var b;\n  \
         </script>\n</body>\n</html>\n",
    );
    check(
        "<?xml version=\"1.0\"?><a x=\"1\"><b>t</b><c/><![CDATA[ x <y> ]]><d></d><e> </e></a>",
        "<?xml version=\"1.0\"?>\n<a x=\"1\">\n  <b>t</b>\n  <c/>\n  <![CDATA[ x <y> ]]>\n  <d></d>\n  <e></e>\n</a>\n",
    );
    check(
        "<a>x<b></b></a><a><br></a>",
        "<a>\n  x\n  <b></b>\n</a>\n<a>\n  <br>\n</a>\n",
    );
}

#[test]
fn text_keeps_its_lines() {
    check(
        "<p>multi\n  line\n    text</p>",
        "<p>\n  multi\n  line\n    text\n</p>\n",
    );
    check("<p> a </p><p>\na\n</p>", "<p>a</p>\n<p>\n  a\n</p>\n");
    check(
        "<style>\n a { b: c }\n  d { e: f }\n</style>",
        "<style>\n  a { b: c }\n   d { e: f }\n</style>\n",
    );
    check("plain text", "plain text\n");
    check(
        "<a\n  b=\"1\"\n  c=\"2\"><d\n/></a>",
        "<a\nb=\"1\"\nc=\"2\">\n  <d\n  />\n</a>\n",
    );
}

#[test]
fn wrong_nesting_is_shown_as_it_is() {
    check(
        "<p>a<p>b</p><ul><li>x<li>y</ul>",
        "<p>\n  a\n  <p>b</p>\n  <ul>\n    <li>\n      x\n      <li>\n        y\n  </ul>\n",
    );
    check(
        "</div></div><div><div></div></p></div>x",
        "</div>\n</div>\n<div>\n  <div></div>\n  </p>\n</div>\nx\n",
    );
    check(
        "<IMG SRC=x><P>up</p><BR>t",
        "<IMG SRC=x>\n<P>up</p>\n<BR>\nt\n",
    );
}

#[test]
fn tags_end_where_they_end() {
    check("<a href=\"x>y\">z</a>", "<a href=\"x>y\">z</a>\n");
    check("<a href=\"x>z</a>", "<a href=\"x>z</a>\n");
    check("<p>it's <b>", "<p>\n  it's\n  <b>\n");
    check("a < b > c <- 1", "a < b > c <- 1\n");
    check("x <a", "x\n<a\n");
    check("<!-- x\n  y -->t<!-- open", "<!-- x\ny -->\nt\n<!-- open\n");
    check(
        "<!DOCTYPE a [<!ENTITY x \"y>\">]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY x \"y>\">]>\n<a>&x;</a>\n",
    );
    check(
        "<script>if (a < b) { x(\"</div>\"); }</SCRIPT>t",
        "<script>if (a < b) { x(\"</div>\"); }</SCRIPT>\nt\n",
    );
    check(
        "<?php echo \"a>b\"; ?><é/>é<é",
        "<?php echo \"a>b\"; ?>\n<é/>\né\n<é\n",
    );
    check("", "\n");
}

#[test]
fn depth_and_time_are_bounded() {
    assert!(matches!(
        pretty(&"<a>".repeat(MAX_DEPTH + 1)),
        Err(ViewError::TooDeep(_))
    ));
    let start = std::time::Instant::now();
    for hostile in [
        "<",
        "<a",
        "<!--",
        "<a b=\"",
        "</",
        "<?",
        "<![CDATA[",
        "<script></",
        "é<",
    ] {
        let _ = pretty(&hostile.repeat(200_000 / hostile.len()));
    }
    assert!(start.elapsed().as_secs() < 20);
}
