//! The grammar of checks.
//!
//! ```text
//! check     = when ":" any [bounds]                 bounds only behind "always"
//! when      = "at" span | "always" | "from" span "to" span | "eventually" ["by" span] | "finally"
//!           | "within" span "of" "first" any
//! bounds    = ["after" "first" any] ["until" "first" any]
//! any       = all { "or" all }          all = one { "and" one }
//! one       = "not" one | "(" any ")" | metric | sum order sum
//! sum       = term { ("+" | "-") term } term = metric | number
//! metric    = word | quoted "." word    word = letter or digit, then any of these and - _ . /
//! ```
//!
//! A word may hold dashes: a `-` that takes away stands behind a space.

use winnow::combinator::{alt, cut_err, opt, preceded};
use winnow::error::{AddContext, ErrMode, ParserError};
use winnow::stream::{Location as _, Stream};
use winnow::token::{literal, one_of, take_while};
use winnow::{LocatingSlice, Parser};

use super::CheckFault;
use super::metric::Name;
use super::statement::{Condition, Order, Sign, Statement, Sum, Term, When};
use crate::time::Millis;

type Input<'a> = LocatingSlice<&'a str>;
type Parsed<T> = Result<T, ErrMode<Wrong>>;

const FORMS: &str = "one of `at 120s:`, `always:`, `from 60s to 120s:`, `eventually:`, `eventually by 90s:`, `finally:`, \
                     `within 5s of first …:`";
const COLON: &str = "`:` and what must be true";
const SPAN: &str = "a time such as `120s`";
const TERM: &str = "a metric such as `fixed.running`, or a whole number";
const COMPARISON: &str = "a comparison such as `== 10`";
const FIRST: &str = "`first`, and what must become true";
/// They are no metrics.
const KEYWORDS: [&str; 6] = ["and", "or", "not", "after", "until", "first"];

/// Reads the whole text.
pub(crate) fn parse(text: &str) -> Result<Statement<Name>, CheckFault> {
    let mut input = LocatingSlice::new(text);
    let parsed = preceded(space, statement).parse_next(&mut input);
    parsed.map_err(|error| {
        let nowhere = |_| Wrong {
            at: text.len(),
            write: FORMS,
        };
        let Wrong { at, write } = error.into_inner().unwrap_or_else(nowhere);
        CheckFault::new(text, at, found(text, at), write)
    })
}

/// The place where the text goes wrong, and what is wanted there.
#[derive(Debug)]
struct Wrong {
    at: usize,
    write: &'static str,
}

impl ParserError<Input<'_>> for Wrong {
    type Inner = Self;

    fn from_input(input: &Input<'_>) -> Self {
        Self {
            at: input.current_token_start(),
            write: "",
        }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

impl AddContext<Input<'_>, &'static str> for Wrong {
    /// Who stands closest to the place knows best.
    fn add_context(
        mut self,
        _input: &Input<'_>,
        _start: &<Input<'_> as Stream>::Checkpoint,
        write: &'static str,
    ) -> Self {
        if self.write.is_empty() {
            self.write = write;
        }
        self
    }
}

/// What stands there: a word, or else one character.
fn found(text: &str, at: usize) -> String {
    let rest = text.get(at..).unwrap_or_default();
    let word = rest
        .find(|letter: char| !is_in_word(letter))
        .unwrap_or(rest.len());
    let one = rest.chars().next().map_or(0, char::len_utf8);
    match rest.get(..word.max(one)) {
        None | Some("") => "the end".to_owned(),
        Some(found) => format!("`{found}`"),
    }
}

fn statement(input: &mut Input<'_>) -> Parsed<Statement<Name>> {
    let at = input.current_token_start();
    let form = word.context(FORMS).parse_next(input)?;
    let mut when = match form {
        "at" => When::At(span(input)?),
        "always" => When::Always {
            after: None,
            until: None,
        },
        "from" => {
            let from = span(input)?;
            wanted(keyword("to"), "`to` and a time", input)?;
            let to = span(input)?;
            When::During { from, to }
        }
        "eventually" => {
            let by = opt(keyword("by")).parse_next(input)?;
            let by = by.map(|_| span(input)).transpose()?;
            When::Eventually { by }
        }
        "finally" => When::Finally,
        "within" => {
            let span = span(input)?;
            wanted(keyword("of"), "`of first`, and what must become true", input)?;
            let of = first(input)?;
            When::Within { span, of }
        }
        _ => return Err(ErrMode::Cut(Wrong { at, write: FORMS })),
    };
    wanted(symbol(":"), COLON, input)?;
    let what = any(input)?;
    let mut rest = "`and`, `or`, or nothing more";
    if let When::Always { after, until } = &mut when {
        rest = "`and`, `or`, `after first`, `until first`, or nothing more";
        if opt(keyword("after")).parse_next(input)?.is_some() {
            *after = Some(first(input)?);
        }
        if opt(keyword("until")).parse_next(input)?.is_some() {
            *until = Some(first(input)?);
        }
    }
    wanted(winnow::combinator::eof, rest, input)?;
    Ok(Statement { when, what })
}

fn first(input: &mut Input<'_>) -> Parsed<Condition<Name>> {
    wanted(keyword("first"), FIRST, input)?;
    any(input)
}

fn any(input: &mut Input<'_>) -> Parsed<Condition<Name>> {
    joined(input, all, "or", Condition::Or)
}

fn all(input: &mut Input<'_>) -> Parsed<Condition<Name>> {
    joined(input, one, "and", Condition::And)
}

fn joined(
    input: &mut Input<'_>,
    mut part: impl FnMut(&mut Input<'_>) -> Parsed<Condition<Name>>,
    word: &'static str,
    join: impl Fn(Vec<Condition<Name>>) -> Condition<Name>,
) -> Parsed<Condition<Name>> {
    let first = part(input)?;
    let mut parts = vec![first];
    while opt(keyword(word)).parse_next(input)?.is_some() {
        parts.push(part(input)?);
    }
    Ok(match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    })
}

fn one(input: &mut Input<'_>) -> Parsed<Condition<Name>> {
    if opt(keyword("not")).parse_next(input)?.is_some() {
        return Ok(Condition::Not(Box::new(one(input)?)));
    }
    if opt(symbol("(")).parse_next(input)?.is_some() {
        let inner = any(input)?;
        wanted(symbol(")"), "`and`, `or`, or `)`", input)?;
        return Ok(inner);
    }
    comparison(input)
}

fn comparison(input: &mut Input<'_>) -> Parsed<Condition<Name>> {
    let begin = input.current_token_start();
    let left = sum(input)?;
    let Some(order) = opt(order).parse_next(input)? else {
        return match left {
            Sum {
                first: Term::Metric(name),
                rest,
            } if rest.is_empty() => Ok(Condition::Some(name)),
            _ => Err(ErrMode::Cut(Wrong {
                at: input.current_token_start(),
                write: COMPARISON,
            })),
        };
    };
    let right = sum(input)?;
    if left.has_metric() || right.has_metric() {
        Ok(Condition::Compare(left, order, right))
    } else {
        let write = "a metric such as `fixed.running`: two numbers say nothing about a run";
        Err(ErrMode::Cut(Wrong { at: begin, write }))
    }
}

fn order(input: &mut Input<'_>) -> Parsed<Order> {
    for (sign, order) in Order::ALL {
        if opt(symbol(sign)).parse_next(input)?.is_some() {
            return Ok(order);
        }
    }
    Err(ErrMode::from_input(input))
}

fn sum(input: &mut Input<'_>) -> Parsed<Sum<Name>> {
    let first = cut_err(term).context(TERM).parse_next(input)?;
    let mut rest = Vec::new();
    let sign = |input: &mut Input<'_>| {
        let plus = symbol("+").map(|_| Sign::Plus);
        opt(alt((plus, symbol("-").map(|_| Sign::Minus)))).parse_next(input)
    };
    while let Some(sign) = sign(input)? {
        rest.push((sign, cut_err(term).context(TERM).parse_next(input)?));
    }
    Ok(Sum { first, rest })
}

fn term(input: &mut Input<'_>) -> Parsed<Term<Name>> {
    let at = input.current_token_start();
    let quoted = (
        literal("\""),
        take_while(1.., |letter| letter != '"'),
        literal("\"."),
        word,
    );
    let mut quoted = opt(
        quoted.map(|(_, label, _, count): (_, &str, _, &str)| Name::Quoted {
            label: label.to_owned(),
            count: count.to_owned(),
            at,
        }),
    );
    if let Some(name) = quoted.parse_next(input)? {
        return Ok(Term::Metric(name));
    }
    let start = input.checkpoint();
    let word = word
        .verify(|word: &str| !KEYWORDS.contains(&word))
        .parse_next(input)?;
    if !word.bytes().all(|byte| byte.is_ascii_digit()) {
        let text = word.to_owned();
        return Ok(Term::Metric(Name::Word { text, at }));
    }
    word.parse().map(Term::Number).map_err(|_| {
        input.reset(&start);
        ErrMode::from_input(input)
    })
}

fn span(input: &mut Input<'_>) -> Parsed<Millis> {
    wanted(word.verify_map(Millis::parse), SPAN, input)
}

/// What must stand here.
fn wanted<'a, T>(
    parser: impl Parser<Input<'a>, T, ErrMode<Wrong>>,
    write: &'static str,
    input: &mut Input<'a>,
) -> Parsed<T> {
    cut_err(parser).context(write).parse_next(input)
}

fn keyword<'a>(keyword: &'static str) -> impl Parser<Input<'a>, &'a str, ErrMode<Wrong>> {
    word.verify(move |word: &str| word == keyword)
}

fn symbol<'a>(symbol: &'static str) -> impl Parser<Input<'a>, &'a str, ErrMode<Wrong>> {
    (literal(symbol), space).map(|(symbol, ())| symbol)
}

fn word<'a>(input: &mut Input<'a>) -> Parsed<&'a str> {
    let begin = one_of(|letter: char| letter.is_ascii_alphanumeric());
    let word = (begin, take_while(0.., is_in_word)).take();
    (word, space).map(|(word, ())| word).parse_next(input)
}

fn is_in_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/')
}

fn space(input: &mut Input<'_>) -> Parsed<()> {
    take_while(0.., char::is_whitespace).void().parse_next(input)
}
