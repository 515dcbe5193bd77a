//! The few queries of PromQL that a simulation can answer: the rate of one counter, summed or not, times or over a number.

use std::fmt;

use crate::time::Millis;

/// A rate: `sum(rate(<metric>{<matchers>}[<window>])) * N / M`.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The counter's name.
    pub metric: String,
    /// The matchers as written, without braces; which series they pick is not looked at.
    pub matchers: String,
    /// The range.
    pub window: Millis,
    /// What the rate is multiplied by: 1 where nothing is written.
    pub factor: f64,
}

/// A query that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "found `{found}` where {wanted} should be; understood is `sum(rate(<metric>{{<matchers>}}[<window>]))`, with or without `sum`, and `* N` or `/ N` after it"
)]
pub struct QueryFault {
    /// The rest of the query from there.
    pub found: String,
    /// What should be there.
    pub wanted: &'static str,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// The first place that is not understood.
    pub fn parse(text: &str) -> Result<Self, QueryFault> {
        let mut rest = Rest(text.trim());
        let summed = rest.word("sum");
        if summed {
            rest.sign('(', "`(`")?;
        }
        if !rest.word("rate") {
            return Err(rest.fault("`rate(`, or `sum(rate(`"));
        }
        rest.sign('(', "`(`")?;
        let metric = rest.take(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        if metric.is_empty() || metric.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(rest.fault("a metric's name"));
        }
        let matchers = rest.matchers()?;
        rest.sign('[', "`[` and a window")?;
        let window = rest.take(|c| c.is_ascii_alphanumeric());
        let window = duration(window).ok_or_else(|| rest.fault("a window such as `12s`, `1m` or `1m30s`"))?;
        rest.sign(']', "`]`")?;
        rest.sign(')', "`)`")?;
        if summed {
            rest.sign(')', "`)`")?;
        }
        let mut factor = 1.0;
        while !rest.0.is_empty() {
            let times = rest.try_sign('*');
            if !times && !rest.try_sign('/') {
                return Err(rest.fault("`* N`, `/ N` or the end"));
            }
            let number = rest.take(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E'));
            let number = number
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite() && *number > 0.0)
                .ok_or_else(|| rest.fault("a number above 0"))?;
            factor = if times { factor * number } else { factor / number };
        }
        Ok(Self {
            metric: metric.to_owned(),
            matchers,
            window,
            factor,
        })
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            metric,
            matchers,
            window,
            factor,
        } = self;
        write!(f, "rate({metric}{{{matchers}}}[{}ms])", window.0)?;
        if (factor - 1.0).abs() > 0.0 {
            write!(f, " * {factor}")?;
        }
        Ok(())
    }
}

struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn word(&mut self, word: &str) -> bool {
        let Some(after) = self.0.strip_prefix(word) else {
            return false;
        };
        let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
        if ends {
            self.0 = after.trim_start();
        }
        ends
    }

    fn try_sign(&mut self, sign: char) -> bool {
        let after = self.0.strip_prefix(sign);
        if let Some(after) = after {
            self.0 = after.trim_start();
        }
        after.is_some()
    }

    fn sign(&mut self, sign: char, wanted: &'static str) -> Result<(), QueryFault> {
        if self.try_sign(sign) {
            Ok(())
        } else {
            Err(self.fault(wanted))
        }
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !wanted(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest.trim_start();
        taken
    }

    /// What stands between braces, which quoted texts may hold too.
    fn matchers(&mut self) -> Result<String, QueryFault> {
        if !self.0.starts_with('{') {
            return Ok(String::new());
        }
        let (mut quote, mut escaped) = (None, false);
        for (at, c) in self.0.char_indices().skip(1) {
            match quote {
                _ if escaped => escaped = false,
                Some(_) if c == '\\' => escaped = true,
                Some(open) if c == open => quote = None,
                None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
                None if c == '}' => {
                    let (inner, rest) = self.0.split_at(at);
                    self.0 = rest.trim_start_matches('}').trim_start();
                    return Ok(inner.trim_start_matches('{').trim().to_owned());
                }
                _ => {}
            }
        }
        Err(self.fault("matchers that end with `}`"))
    }

    fn fault(&self, wanted: &'static str) -> QueryFault {
        let found = if self.0.is_empty() {
            "the end".to_owned()
        } else {
            self.0.chars().take(40).collect()
        };
        QueryFault { found, wanted }
    }
}

/// `1m30s`, `500ms`, `1h`, `2d`, `1w`: as Prometheus writes durations.
fn duration(text: &str) -> Option<Millis> {
    let mut rest = text;
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(end);
        let next = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(next);
        let worth = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(worth)?)?;
        rest = after;
    }
    (sum > 0).then_some(Millis(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        for (text, metric, matchers, window, factor) in [
            (
                "rate(http_requests_total[1m])",
                "http_requests_total",
                "",
                60_000,
                1.0,
            ),
            (
                r#"sum(rate(nginx_ingress_controller_requests{ingress="hello}-web", status!~"5.."}[12s]))"#,
                "nginx_ingress_controller_requests",
                r#"ingress="hello}-web", status!~"5..""#,
                12_000,
                1.0,
            ),
            ("sum ( rate ( a:b{} [1m30s] ) ) * 60 / 2", "a:b", "", 90_000, 30.0),
        ] {
            let query = Query::parse(text).unwrap();
            assert_eq!(
                (query.metric.as_str(), query.matchers.as_str()),
                (metric, matchers),
                "{text}"
            );
            assert_eq!((query.window, query.factor), (Millis(window), factor), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_shown_with_what_is() {
        for (text, found) in [
            ("avg(rate(a[1m]))", "avg(rate(a[1m]))"),
            ("sum(increase(a[1m]))", "increase(a[1m]))"),
            ("sum(rate(a[1m])) by (pod)", "by (pod)"),
            ("rate(a)", ")"),
            ("rate(a[0s])", "])"),
            ("rate(a[1m]) * -1", "-1"),
            ("rate(a[1m]", "the end"),
            ("rate(a{b=\"c\"[1m])", "{b=\"c\"[1m])"),
            ("", "the end"),
        ] {
            assert_eq!(Query::parse(text).unwrap_err().found, found, "{text}");
        }
        let fault = Query::parse("up").unwrap_err().to_string();
        assert_eq!(
            fault,
            "found `up` where `rate(`, or `sum(rate(` should be; understood is \
             `sum(rate(<metric>{<matchers>}[<window>]))`, with or without `sum`, and `* N` or `/ N` after it"
        );
    }
}
