//! Commands that stand in a text, led to the installation that the text is about.

/// A text whose commands, between backticks, have these flags, unless they say already where they work. What is remembered is one for
/// all: its commands take none of them.
pub(crate) fn with_flags(text: &str, flags: &str) -> String {
    let takes_flags = |part: &str| {
        let command = part.strip_prefix("zoho-connector ");
        command.is_some_and(|command| !command.starts_with("installations "))
    };
    let is_led = |part: &str| ["--data ", "--stack "].iter().any(|flag| part.contains(flag));
    let mut whole = String::with_capacity(text.len() + flags.len());
    for (place, part) in text.split('`').enumerate() {
        if place > 0 {
            whole.push('`');
        }
        whole.push_str(part);
        if place % 2 == 1 && takes_flags(part) && !is_led(part) {
            whole.push_str(flags);
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_a_text_are_led_to_the_installation() {
        let flags = " --stack zoho";
        for (text, expected) in [
            ("`zoho-connector connect`", "`zoho-connector connect --stack zoho`"),
            (
                "`zoho-connector client set --data-centre eu`, then wait",
                "`zoho-connector client set --data-centre eu --stack zoho`, then wait",
            ),
            (
                "`zoho-connector serve --data x`, `sam deploy`",
                "`zoho-connector serve --data x`, `sam deploy`",
            ),
            ("`zoho-connector installations forget NAME`", "`zoho-connector installations forget NAME`"),
            ("chmod 700 data", "chmod 700 data"),
        ] {
            assert_eq!(with_flags(text, flags), expected);
        }
    }
}
