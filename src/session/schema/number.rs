//! Numbers as JSON Schema compares them: by what they are worth, not by how they are written.

use std::cmp::Ordering;

use serde_json::Number;

/// Digits that a multiple may be longer than what it is a multiple of, before it is only nearly computed.
const MAX_SHIFT: u32 = 18;

fn integer(number: &Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

/// Whether it has no fraction: `1.0` has none.
pub fn is_integer(number: &Number) -> bool {
    integer(number).is_some() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
}

/// Which of two numbers is the larger one, exactly.
pub fn compare(a: &Number, b: &Number) -> Ordering {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => with_float(a, b.as_f64().unwrap_or_default()),
        (None, Some(b)) => with_float(b, a.as_f64().unwrap_or_default()).reverse(),
        (None, None) => {
            let (a, b) = (a.as_f64(), b.as_f64());
            a.partial_cmp(&b).unwrap_or(Ordering::Equal)
        }
    }
}

/// Compares an integer of 64 bits with a float. Floats beyond the integers have no fraction to lose.
fn with_float(integer: i128, float: f64) -> Ordering {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it saturates, which compares the same"
    )]
    let whole = float.trunc() as i128;
    integer
        .cmp(&whole)
        .then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
}

/// Whether a number is a multiple of another one, in decimal: 0.3 is one of 0.1.
pub fn is_multiple(number: &Number, of: &Number) -> bool {
    if let (Some(number), Some(of)) = (decimal(number), decimal(of))
        && let Some(multiple) = is_decimal_multiple(number, of)
    {
        return multiple;
    }
    let quotient = number.as_f64().unwrap_or_default() / of.as_f64().unwrap_or(1.0);
    quotient.is_finite() && quotient.fract() == 0.0
}

/// The digits of a number and the power of ten that they are to be multiplied by.
fn decimal(number: &Number) -> Option<(i128, i32)> {
    if let Some(integer) = integer(number) {
        return Some((integer, 0));
    }
    let text = number.to_string();
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent: i32 = exponent.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, exponent.checked_sub(places)?))
}

fn is_decimal_multiple(number: (i128, i32), of: (i128, i32)) -> Option<bool> {
    let ((mut number, power), (mut of, other)) = (number, of);
    if number == 0 {
        return Some(true);
    }
    let shift = power.abs_diff(other);
    if shift > MAX_SHIFT {
        return None;
    }
    let factor = 10_i128.checked_pow(shift)?;
    if power > other {
        number = number.checked_mul(factor)?;
    } else {
        of = of.checked_mul(factor)?;
    }
    number.checked_rem(of).map(|rest| rest == 0)
}
