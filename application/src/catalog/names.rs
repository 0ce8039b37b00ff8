//! What commands and events are called: commands in the imperative, events in the past tense.

/// `OpenAccount` as `open_account`.
pub(super) fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() && !text.ends_with('_') {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// Whether it is lower snake case.
pub(super) fn is_snake_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether a name in snake case asks for something. It is one that does not begin with a participle or a past form.
pub(super) fn is_imperative(name: &str) -> bool {
    let verb = name.split('_').next().unwrap_or_default();
    if IRREGULAR.contains(&verb) {
        return ALSO_INFINITIVES.contains(&verb);
    }
    let participle = verb.ends_with("ed") || verb.ends_with("ing");
    !participle || LOOK_LIKE_PARTICIPLES.contains(&verb)
}

/// Whether a name in snake case tells of something that happened: a word of it is a past form.
pub(super) fn is_past(name: &str) -> bool {
    let past = |word: &str| {
        IRREGULAR.contains(&word) || (word.ends_with("ed") && !LOOK_LIKE_PARTICIPLES.contains(&word))
    };
    name.split('_').any(past)
}

const LOOK_LIKE_PARTICIPLES: &[&str] = &[
    "bleed", "breed", "bring", "cling", "embed", "exceed", "feed", "heed", "need", "ping", "proceed", "ring",
    "seed", "shed", "shred", "sing", "sling", "speed", "spring", "sting", "string", "succeed", "swing",
    "weed",
];

/// Those of the past forms below that verbs are called by as well.
const ALSO_INFINITIVES: &[&str] = &[
    "become", "bet", "bid", "bound", "cast", "come", "cost", "cut", "fell", "felt", "found", "hit", "hurt",
    "let", "overcome", "put", "quit", "read", "reset", "run", "saw", "set", "shut", "split", "spread",
    "wound",
];

/// Past forms that do not end in `ed`.
const IRREGULAR: &[&str] = &[
    "arisen",
    "became",
    "begun",
    "began",
    "bent",
    "bet",
    "bid",
    "bitten",
    "born",
    "borne",
    "bought",
    "bound",
    "broke",
    "broken",
    "brought",
    "built",
    "burnt",
    "came",
    "cast",
    "caught",
    "chose",
    "chosen",
    "come",
    "cost",
    "crept",
    "cut",
    "dealt",
    "did",
    "done",
    "drawn",
    "drew",
    "driven",
    "drove",
    "drunk",
    "dug",
    "eaten",
    "fallen",
    "fell",
    "felt",
    "fled",
    "flew",
    "flown",
    "forbidden",
    "forgiven",
    "forgot",
    "forgotten",
    "fought",
    "found",
    "frozen",
    "gave",
    "given",
    "gone",
    "got",
    "gotten",
    "grew",
    "grown",
    "had",
    "heard",
    "held",
    "hid",
    "hidden",
    "hit",
    "hung",
    "hurt",
    "kept",
    "knew",
    "known",
    "laid",
    "learnt",
    "led",
    "left",
    "lent",
    "let",
    "lit",
    "lost",
    "made",
    "meant",
    "met",
    "overcome",
    "overridden",
    "paid",
    "put",
    "quit",
    "ran",
    "rang",
    "read",
    "rebuilt",
    "redone",
    "resent",
    "reset",
    "ridden",
    "risen",
    "rose",
    "run",
    "rung",
    "said",
    "sat",
    "saw",
    "seen",
    "sent",
    "set",
    "shaken",
    "shot",
    "shown",
    "shut",
    "slept",
    "sold",
    "sought",
    "spent",
    "split",
    "spoke",
    "spoken",
    "spread",
    "stole",
    "stolen",
    "stood",
    "struck",
    "stuck",
    "sunk",
    "swept",
    "swore",
    "sworn",
    "taken",
    "taught",
    "thought",
    "threw",
    "thrown",
    "told",
    "took",
    "torn",
    "understood",
    "undone",
    "went",
    "withdrawn",
    "withdrew",
    "withheld",
    "woken",
    "won",
    "worn",
    "wound",
    "written",
    "wrote",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_either_spelling_become_snake_case() {
        for (name, snake) in [("OpenAccount", "open_account"), ("open", "open"), ("a_b", "a_b")] {
            assert_eq!(snake_case(name), snake);
        }
    }

    #[test]
    fn commands_ask_and_events_tell() {
        for verb in ["create", "change_plan", "set_price", "feed", "bring_back", "read"] {
            assert!(is_imperative(verb), "{verb}");
        }
        for verb in ["created", "changing_plan", "reserved", "sold", "made_up"] {
            assert!(!is_imperative(verb), "{verb}");
        }
        for event in ["created", "plan_changed", "sold", "customer_wrote_check", "sent"] {
            assert!(is_past(event), "{event}");
        }
        for event in ["create", "plan_change", "need", "feed_pet"] {
            assert!(!is_past(event), "{event}");
        }
    }
}
