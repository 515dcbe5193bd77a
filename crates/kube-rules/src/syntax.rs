//! The spellings that Kubernetes takes for names, labels and versions.

/// An RFC 1123 label: lower-case letters, digits and inner dashes, at most 63 characters.
#[must_use]
pub fn is_label_name(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| is_lower(*byte));
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| is_lower(*byte) || *byte == b'-')
}

/// Labels joined by dots, at most 253 characters: the name of most objects.
#[must_use]
pub fn is_subdomain(text: &str) -> bool {
    // Unlike a DNS label by itself, a part of a subdomain has no limit of its own in Kubernetes.
    let part = |part: &str| {
        let edge = |byte: Option<&u8>| byte.is_some_and(|byte| is_lower(*byte));
        let bytes = part.as_bytes();
        edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|byte| is_lower(*byte) || *byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(part)
}

/// The key of a label, an annotation or a taint: `name` or `prefix/name`.
#[must_use]
pub fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_word(name),
        None => is_word(text),
    }
}

/// The value of a label: empty, or a word.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_word(text)
}

/// `group/version`, or the version alone for the core group.
#[must_use]
pub fn is_api_version(text: &str) -> bool {
    match text.split_once('/') {
        Some((group, version)) => is_subdomain(group) && is_version(version),
        None => is_version(text),
    }
}

/// A kind, such as `CloneSet`.
#[must_use]
pub fn is_kind(text: &str) -> bool {
    text.len() <= 63
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `v1`, `v1beta1`: a `v`, a digit, then letters and digits.
fn is_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|rest| {
        rest.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) && rest.bytes().all(is_lower)
    })
}

/// Letters, digits, inner `-`, `_` and `.`, at most 63 characters.
fn is_word(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    bytes.len() <= 63 && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_begin_and_end_with_a_letter_or_digit() {
        for good in ["a", "0", "hello-web", "a--b", &"a".repeat(63)] {
            assert!(is_label_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "ä", &"a".repeat(64)] {
            assert!(!is_label_name(bad), "{bad}");
        }
    }

    #[test]
    fn keys_have_at_most_one_slash_and_a_domain_before_it() {
        for good in ["app", "App_1.x", "apps.kruise.io/matched-workloadspread", "a/B"] {
            assert!(is_key(good), "{good}");
        }
        for bad in ["", "/a", "a/", "a/b/c", "A/b", "a b", ".a", &"a".repeat(64)] {
            assert!(!is_key(bad), "{bad}");
        }
    }

    #[test]
    fn an_api_version_ends_in_a_version() {
        for good in ["v1", "apps/v1", "apps.kruise.io/v1beta1"] {
            assert!(is_api_version(good), "{good}");
        }
        for bad in ["", "apps", "/v1", "apps/", "apps/v1/x", "apps/one", "v"] {
            assert!(!is_api_version(bad), "{bad}");
        }
    }
}
