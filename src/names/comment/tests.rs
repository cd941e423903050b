use super::*;

const KEY: &str = "SECRETSECRETSECRETSECRETSECRETSECRETSECRETS=";

fn parsed(comment: &str) -> Comment {
    parse(comment.as_bytes())
}

fn name(style: Style, name: &str) -> Comment {
    Comment::Name(style, name.to_owned())
}

#[test]
fn every_explicit_form_is_a_name() {
    let forms = [
        (Style::Friendly, "# friendly_name=x"),
        (Style::Friendly, "#FRIENDLY-NAME : x"),
        (Style::Friendly, "# display-name = x"),
        (Style::Friendly, "# -WGP- Display name: x"),
        (Style::FriendlyPeer, "# -WGP- Peer display name: x"),
        (Style::FriendlyInterface, "# -WGP- Interface display name: x"),
        (Style::Friendly, "# friendly_json={\"username\":\"x\",\"id\":12}"),
        (Style::Name, "#name=x"),
        (Style::Name, "### Name: \"x\""),
        (Style::Name, "#+ Name = 'x'"),
        (Style::Name, "#!Name:x"),
        (Style::Name, "; Name: x"),
        (Style::Begin, "# BEGIN_PEER x"),
        (Style::Begin, "### begin x ###"),
        (Style::Begin, "### Client x"),
        (Style::Client, "# Client: x (2b6d6c1e-3a4f-4d0e-9b57-0123456789ab)"),
        (Style::Client, "# Peer = x"),
        (Style::Client, "# User: x"),
        (Style::Client, "# Alias = x"),
        (Style::Plain, "# x"),
        (Style::Plain, "# x / x@example.org / Updated: 2024 / Created: 2023"),
    ];
    for (style, form) in forms {
        assert_eq!(parsed(form), name(style, "x"), "{form}");
    }
}

#[test]
fn plain_text_stays_as_it_is() {
    for text in
        ["Client x", "Alice's phone", "Added 2024-05-01", "10:30 meeting", "[alice]", "🦊", "C#", "a/b", "\u{1b}[2J"]
    {
        assert_eq!(parsed(&format!("# {text}")), name(Style::Plain, text));
    }
}

#[test]
fn other_comments_are_no_names() {
    let nothing = [
        "#",
        "# ",
        "####",
        "# -----",
        "# --- laptops ---",
        "# === x ===",
        "# ==== x",
        "## x ##",
        "# x #",
        "# ── x ──",
        "# Name =",
        "# Name: \"\"",
        "# friendly_name=' '",
        "# Client: (2b6d6c1e-3a4f-4d0e-9b57-0123456789ab)",
        "# Email: x@example.org",
        "# ID: 7",
        "# Created at: 2024-01-01",
        "# laptops:",
        "# # Name = x",
        "# see https://example.org",
        "# BEGIN ANSIBLE MANAGED BLOCK",
        "### END Managed Block alice ###",
        "# alice BEGIN ANSIBLE MANAGED BLOCK",
        "# begin laptops",
        "# end x",
        "# friendly_json={",
        "# friendly_json=[\"x\"]",
        "# friendly_json={\"id\":1}",
    ];
    for comment in nothing {
        assert_eq!(parsed(comment), Comment::Nothing, "{comment}");
    }
    for comment in ["#Endpoint = 192.0.2.1:51820", "# PresharedKey=x", "#Jc = 4", "# -WGP- PublicKey = x"] {
        assert_eq!(parsed(comment), Comment::DisabledSetting, "{comment}");
    }
    for comment in ["#[Peer]", "# [ interface ]", "## [WireGuardPeer] # x", "#[disabled] ### begin x ###"] {
        assert_eq!(parsed(comment), Comment::DisabledHeader, "{comment}");
    }
    for comment in ["# END_PEER x", "### end x ###"] {
        assert_eq!(parsed(comment), Comment::End, "{comment}");
    }
}

#[test]
fn key_is_never_kept() {
    let bare = KEY.trim_end_matches('=');
    for key in [KEY, bare, &format!("x{KEY}"), &format!("old {KEY} alice"), &format!("\"{KEY}\"")] {
        for form in ["", "Name = ", "Peer: ", "BEGIN_PEER ", "friendly_name=", "alice:"] {
            let comment = format!("# {form}{key}");
            assert!(!format!("{:?}", parsed(&comment)).contains("SECRET"), "{comment}");
        }
    }
    let escaped = format!("# friendly_json={{\"name\":\"{}\"}}", KEY.replace('S', "\\u0053"));
    assert_eq!(parsed(&escaped), Comment::Nothing);
    let straddling = format!("# Name = {} {KEY}", "ab ".repeat(40));
    assert_eq!(parsed(&straddling), Comment::Nothing);
}

#[test]
fn json_keys_have_an_order_of_precedence() {
    let cases = [
        (r#"{"id":"7","user":"u","username":"n"}"#, "n"),
        (r#"{"username":"n","friendly_name":"f","name":"x"}"#, "x"),
        (r#"{"age":3,"zeta":"first","alpha":"second"}"#, "first"),
        (r#"{"name":"","user":"u"}"#, "u"),
        (r#"{"name":"a\n\"b\"\\"}"#, "a \"b\"\\"),
        (r#"{"name":"a\u0000b"}"#, "a"),
    ];
    for (text, expected) in cases {
        assert_eq!(json(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn long_explicit_name_is_cut_and_long_plain_text_is_ignored() {
    let long = "é ".repeat(2000);
    let Comment::Name(Style::Name, cut) = parsed(&format!("# Name = {long}")) else { panic!("no name") };
    assert_eq!(cut, format!("{}é", "é ".repeat(63)), "128 characters, without the space at their end");
    assert_eq!(parsed(&format!("# {long}")), Comment::Nothing);
    assert_eq!(parsed(&format!("# {}", "x".repeat(MAX_NAME))), name(Style::Plain, &"x".repeat(MAX_NAME)));
    assert_eq!(parsed(&format!("# {}", "x".repeat(MAX_NAME + 1))), Comment::Nothing);
}

#[test]
fn bytes_that_are_not_utf8_become_hex() {
    assert_eq!(parse(b"# caf\xe9"), name(Style::Plain, "caf\\xe9"));
    assert_eq!(parse(b"# Name = a\0b"), name(Style::Name, "a"));
}
