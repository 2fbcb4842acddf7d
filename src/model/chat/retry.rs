//! How long to wait before another attempt.
//!
//! Pure but for the dice: knows header values and times, nothing of connections or replies.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// What the server asks us to wait: `Retry-After` in seconds or as an HTTP date (already past: no
/// wait). Nothing where it says nothing intelligible.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The wait after failed attempt number `attempt` (from 1): anything between nothing and
/// `base * 2^(attempt - 1)`, at most `cap`, so that many clients do not come back at once.
/// `dice` is uniform over all of `u64`.
pub(super) fn full_jitter(attempt: u32, base: Duration, cap: Duration, dice: u64) -> Duration {
    let factor = 2u32.saturating_pow(attempt.saturating_sub(1));
    let ceiling = base.saturating_mul(factor).min(cap);
    let fraction = (dice >> 32) as f64 / f64::from(u32::MAX);
    ceiling.mul_f64(fraction)
}

/// A throw of the dice. Where the system has no randomness, the longest wait is the safe one.
pub(super) fn dice() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn reads_seconds_and_dates() {
        let now = httpdate::parse_http_date("Tue, 05 Jan 2027 10:00:00 GMT").unwrap();
        let table: &[(&str, Option<f64>)] = &[
            ("3", Some(3.0)),
            (" 0 ", Some(0.0)),
            ("0.25", Some(0.25)),
            ("Tue, 05 Jan 2027 10:00:07 GMT", Some(7.0)),
            ("Tue, 05 Jan 2027 09:00:00 GMT", Some(0.0)),
            ("-1", None),
            ("1e300", None),
            ("NaN", None),
            ("soon", None),
            ("", None),
        ];
        for (value, seconds) in table {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
            let expected = seconds.map(Duration::from_secs_f64);
            assert_eq!(retry_after(&headers, now), expected, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn jitter_doubles_up_to_the_cap() {
        let [base, cap] = [100, 1000].map(Duration::from_millis);
        let longest: Vec<u128> = [1, 2, 3, 4, 5, 1000]
            .map(|attempt| full_jitter(attempt, base, cap, u64::MAX).as_millis())
            .into();
        assert_eq!(longest, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(full_jitter(3, base, cap, 0), Duration::ZERO);
        let half = full_jitter(2, base, cap, u64::MAX / 2).as_millis();
        assert!((99..=100).contains(&half), "{half}");
    }
}
