use super::*;

const NONE: Flags = Flags {
    ignore_case: false,
    multiline: false,
    dotall: false,
};

#[test]
fn smoke() {
    assert!(Pattern::new("a.c", NONE).unwrap().is_match("xabc"));
}
