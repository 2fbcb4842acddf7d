//! Who may use the daemon over the network. Pure.
//!
//! A page in a browser can send requests to loopback, so a foreign `Origin` is refused, and so is a
//! `Host` that is not the daemon's own (a name that was made to point here). The token is what counts;
//! the rest is there for when it leaks into a browser.

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};
use std::net::IpAddr;
use subtle::ConstantTimeEq;

use crate::model::Secret;

/// Who may use the daemon.
#[derive(Debug)]
pub struct Access {
    /// What has to follow `Authorization: Bearer`.
    pub token: Secret,
    /// Host names that are the daemon's own, beside loopback's.
    pub hosts: Vec<String>,
    /// Whether every address is taken for the daemon's own.
    pub any_address: bool,
    /// Origins that are not foreign, beside the daemon's own.
    pub origins: Vec<String>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The token is missing or wrong.
    #[error("the token is missing or wrong")]
    Token,
    /// The `Host` header names another machine.
    #[error("the Host header names another machine")]
    Host,
    /// The request comes from a page of another site.
    #[error("the request comes from a page of another site")]
    Origin,
}

impl Refused {
    /// What to do next.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Token => {
                "send the header `Authorization: Bearer TOKEN`; the daemon says at start where the token is"
            }
            Self::Host => {
                "use the address that the daemon listens on, or start it with --allow-host NAME"
            }
            Self::Origin => "start the daemon with --allow-origin ORIGIN if the page is yours",
        }
    }
}

impl Access {
    /// Checks the headers of a request.
    ///
    /// # Errors
    /// When it is to be refused.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let host = self.own_host(headers).ok_or(Refused::Host)?;
        if headers.contains_key(ORIGIN) && !self.own_origin(headers, &host) {
            return Err(Refused::Origin);
        }
        match bearer(headers) {
            Some(token)
                if token
                    .as_bytes()
                    .ct_eq(self.token.expose().as_bytes())
                    .into() =>
            {
                Ok(())
            }
            _ => Err(Refused::Token),
        }
    }

    /// The `Host` of the request, if it is the daemon's own.
    fn own_host(&self, headers: &HeaderMap) -> Option<Authority> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return None;
        };
        let authority: Authority = host.to_str().ok()?.parse().ok()?;
        let name = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let own = match name.parse::<IpAddr>() {
            Ok(address) => self.any_address || address.is_loopback() || self.is_named(name),
            Err(_) => name.eq_ignore_ascii_case("localhost") || self.is_named(name),
        };
        (own && !authority.as_str().contains('@')).then_some(authority)
    }

    fn is_named(&self, name: &str) -> bool {
        self.hosts
            .iter()
            .any(|host| host.eq_ignore_ascii_case(name))
    }

    /// Whether all origins of the request are the daemon's own or allowed.
    fn own_origin(&self, headers: &HeaderMap, host: &Authority) -> bool {
        headers.get_all(ORIGIN).iter().all(|origin| {
            let Ok(origin) = origin.to_str() else {
                return false;
            };
            let own = origin
                .parse::<Uri>()
                .is_ok_and(|uri| uri.authority() == Some(host));
            own || self
                .origins
                .iter()
                .any(|allowed| allowed.trim_end_matches('/') == origin)
        })
    }
}

/// The token that the request carries.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(access: &Access, headers: &[(&'static str, &str)]) -> Result<(), Refused> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        access.check(&map)
    }

    #[test]
    fn only_the_token_from_the_own_host_and_origin_gets_in() {
        let access = Access {
            token: Secret::new("right"),
            hosts: vec!["box.example".to_owned()],
            any_address: false,
            origins: vec!["https://good.example".to_owned()],
        };
        let token = ("authorization", "Bearer right");
        let host = ("host", "127.0.0.1:80");
        type Case<'a> = (&'a [(&'static str, &'a str)], Result<(), Refused>);
        let cases: &[Case<'_>] = &[
            (&[host, token], Ok(())),
            (&[("host", "LOCALHOST"), token], Ok(())),
            (&[("host", "[::1]:80"), token], Ok(())),
            (&[("host", "box.example:9"), token], Ok(())),
            (&[("host", "10.0.0.1"), token], Err(Refused::Host)),
            (&[("host", "evil.example"), token], Err(Refused::Host)),
            (
                &[("host", "localhost.evil.example"), token],
                Err(Refused::Host),
            ),
            (&[("host", "me@localhost"), token], Err(Refused::Host)),
            (&[host, host, token], Err(Refused::Host)),
            (&[token], Err(Refused::Host)),
            (&[host], Err(Refused::Token)),
            (
                &[host, ("authorization", "Bearer wrong")],
                Err(Refused::Token),
            ),
            (&[host, ("authorization", "Bearer ")], Err(Refused::Token)),
            (
                &[host, ("authorization", "Basic right")],
                Err(Refused::Token),
            ),
            (&[host, ("authorization", "bearer right")], Ok(())),
            (&[host, token, ("origin", "http://127.0.0.1:80")], Ok(())),
            (&[host, token, ("origin", "https://good.example")], Ok(())),
            (
                &[host, token, ("origin", "http://127.0.0.1:81")],
                Err(Refused::Origin),
            ),
            (
                &[host, token, ("origin", "http://evil.example")],
                Err(Refused::Origin),
            ),
            (&[host, token, ("origin", "null")], Err(Refused::Origin)),
        ];
        for (headers, expected) in cases {
            assert_eq!(check(&access, headers), *expected, "{headers:?}");
        }
        let remote = Access {
            any_address: true,
            ..access
        };
        assert_eq!(check(&remote, &[("host", "10.0.0.1"), token]), Ok(()));
        assert_eq!(
            check(&remote, &[("host", "evil.example"), token]),
            Err(Refused::Host)
        );
    }
}
