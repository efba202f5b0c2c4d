//! How well a text fits what was typed.

/// The rank of an item, higher is better; `None` if a word of the query is not in it. The query is in lower case.
pub(super) fn of(query: &str, title: &str, detail: &str) -> Option<i32> {
    let (title, detail) = (title.to_lowercase(), detail.to_lowercase());
    let mut sum = 0;
    for word in query.split_whitespace() {
        let in_title = word_rank(word, &title).map(|rank| rank + 40);
        let in_detail = detail.find(word).map(|at| 50 - (at as i32).min(40));
        sum += in_title.max(in_detail)?;
    }
    Some(sum)
}

/// A word as it is ranks above its letters in their order.
fn word_rank(word: &str, text: &str) -> Option<i32> {
    if let Some(at) = text.find(word) {
        let start = if starts_word(text, at) { 50 } else { 0 };
        return Some(100 + start - (at as i32).min(40) - (text.len() as i32 / 8).min(20));
    }
    let mut rank = 0;
    let mut rest = text.char_indices();
    let mut last = None;
    for c in word.chars() {
        let (at, _) = rest.find(|(_, found)| *found == c)?;
        rank += if starts_word(text, at) {
            12
        } else if last.is_some_and(|last: usize| last + 1 == at) {
            8
        } else {
            -4
        };
        last = Some(at);
    }
    // Letters that are strewn over the text are there by chance.
    (rank > 0).then_some(rank.min(80))
}

fn starts_word(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|head| head.chars().next_back());
    before.is_none_or(|before| !before.is_alphanumeric())
}

/// True if the needle, in lower case, is in the text, whatever the case of its ASCII letters.
pub(super) fn contains(text: &[u8], needle: &[u8]) -> bool {
    if needle.is_empty() {
        return true;
    }
    let mut windows = text.windows(needle.len());
    windows.any(|window| window.eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_fits_rank_higher() {
        let rank = |query: &str, title: &str| of(query, title, "").unwrap_or(-1);
        assert!(rank("events", "All events") > rank("events", "prevents"));
        assert!(rank("ssl", "ssl_insecure") > rank("ssl", "a_long_name_with_ssl_in_it"));
        assert!(rank("vfl", "view_flow_limit") > 0);
        assert!(rank("flow view", "view_flow_limit") > 0);
        assert_eq!(rank("xyz", "view_flow_limit"), -1);
        assert_eq!(rank("flow nothing", "view_flow_limit"), -1);
        assert!(of("help", "Title", "the help text").is_some());
        assert!(of("", "a", "b").is_some());
    }

    #[test]
    fn bytes_are_found_in_any_case() {
        assert!(contains(b"/Api/Users", b"api/u"));
        assert!(!contains(b"/api", b"apis"));
        assert!(contains(b"", b""));
    }
}
