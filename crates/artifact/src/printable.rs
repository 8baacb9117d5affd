use std::borrow::Cow;
use std::fmt::Write;

/// Returns `text` with every character that a terminal or page would obey, or hide, written out as `\u{1b}`, `\n`, `\t`.
///
/// Those are the controls C0, DEL and C1 (line ends and tabs too: text of a file is one line), the marks that turn the
/// direction of writing, the separators of lines and paragraphs, and characters of no width that hide text in text. What
/// comes from a file, a definition or a name passes here before it is shown. To escape twice changes nothing.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_obeyed) else { return Cow::Borrowed(text) };
    let mut shown = String::with_capacity(text.len() + 8);
    shown.push_str(&text[..first]);
    for character in text[first..].chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            obeyed if is_obeyed(obeyed) => {
                write!(shown, "\\u{{{:x}}}", u32::from(obeyed)).expect("a string takes all text");
            }
            other => shown.push(other),
        }
    }
    Cow::Owned(shown)
}

fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // direction
            | '\u{2028}' | '\u{2029}' // lines, paragraphs
            | '\u{00ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}' // no width
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}') // annotations, tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_obeyed_is_written_out_and_the_rest_stays() {
        let cases = [
            ("plain, é, 数, \u{1f469}\u{200d}\u{1f680}", "plain, é, 数, \u{1f469}\u{200d}\u{1f680}"),
            ("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}"),
            ("two\nlines\r\tand \0", "two\\nlines\\r\\tand \\u{0}"),
            ("\u{7f}\u{9b}2J", "\\u{7f}\\u{9b}2J"),
            ("abc\u{202e}fed", "abc\\u{202e}fed"),
            ("\u{feff}a\u{200b}b\u{2028}\u{e0041}", "\\u{feff}a\\u{200b}b\\u{2028}\\u{e0041}"),
        ];
        for (text, shown) in cases {
            assert_eq!(printable(text), shown);
            assert_eq!(printable(shown), shown);
        }
        assert!(matches!(printable("nothing to do"), Cow::Borrowed(_)));
        let all = (0..=0xffff).filter_map(char::from_u32).collect::<String>();
        assert!(!printable(&all).contains(is_obeyed));
    }
}
