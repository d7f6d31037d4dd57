//! The two media types of GraphQL over HTTP: which one a client accepts, and whether a request
//! carries JSON.

use axum::http::{HeaderMap, HeaderName, header};

/// The media type of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json`: a refused document gets the status 200.
    Json,
    /// `application/graphql-response+json`: a refused document gets the status 400.
    GraphqlResponse,
}

impl MediaType {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    fn essence(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GraphqlResponse => "application/graphql-response+json",
        }
    }

    /// The type that a client likes best; JSON if it does not say, `None` if it takes
    /// neither.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let ranges = ranges(headers);
        if ranges.is_empty() {
            return Some(Self::Json);
        }
        [Self::Json, Self::GraphqlResponse]
            .into_iter()
            .filter_map(|media| Some((media.liking(&ranges)?, media)))
            // Of two that are liked the same, the one that the client named first.
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .map(|(_, media)| media)
    }

    /// How much a client likes this type: quality, then how precisely it was named, then how
    /// early. `None` if it is not accepted.
    fn liking(self, ranges: &[MediaRange]) -> Option<(u16, u8, isize)> {
        let (place, range) = ranges
            .iter()
            .enumerate()
            .filter(|(_, range)| range.precision(self).is_some())
            .max_by_key(|(place, range)| (range.precision(self), std::cmp::Reverse(*place)))?;
        let place = isize::try_from(place).unwrap_or(isize::MAX);
        (range.quality > 0).then_some((range.quality, range.precision(self)?, -place))
    }
}

/// One media range of an `Accept` header, in lower case.
struct MediaRange {
    essence: String,
    /// In thousandths.
    quality: u16,
}

impl MediaRange {
    fn precision(&self, media: MediaType) -> Option<u8> {
        match self.essence.as_str() {
            essence if essence == media.essence() => Some(2),
            "application/*" => Some(1),
            "*/*" => Some(0),
            _ => None,
        }
    }
}

fn ranges(headers: &HeaderMap) -> Vec<MediaRange> {
    values(headers, &header::ACCEPT)
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .map(|range| {
            let (essence, parameters) = range.split_once(';').unwrap_or((range, ""));
            MediaRange {
                essence: essence.trim().to_ascii_lowercase(),
                quality: parameters.split(';').find_map(quality).unwrap_or(1_000),
            }
        })
        .collect()
}

/// The quality in thousandths, if this parameter is it and is one.
fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let value: f32 = value.trim().parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0 to 1000 before"
    )]
    value
        .is_finite()
        .then(|| (value.clamp(0.0, 1.0) * 1_000.0) as u16)
}

/// Whether a request says that its body is JSON in UTF-8.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = values(headers, &header::CONTENT_TYPE).next() else {
        return false;
    };
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case("application/json")
        && parts
            .filter_map(|parameter| parameter.split_once('='))
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
            .all(|(_, value)| {
                let value = value.trim().trim_matches('"');
                value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8")
            })
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn accepted(accept: &str) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        MediaType::accepted(&headers)
    }

    #[test]
    fn the_client_chooses_the_media_type() {
        let json = Some(MediaType::Json);
        let graphql = Some(MediaType::GraphqlResponse);
        for (accept, expected) in [
            ("*/*", json),
            ("application/*", json),
            ("application/json", json),
            ("APPLICATION/JSON; charset=utf-8", json),
            ("application/graphql-response+json", graphql),
            (
                "application/graphql-response+json, application/json;q=0.9",
                graphql,
            ),
            (
                "application/json;q=0.9, application/graphql-response+json",
                graphql,
            ),
            (
                "application/graphql-response+json;q=0.1, application/json",
                json,
            ),
            ("application/json, application/graphql-response+json", json),
            (
                "application/graphql-response+json, application/json",
                graphql,
            ),
            ("application/json;q=0, */*", graphql),
            ("text/html", None),
            ("application/json;q=0", None),
            ("application/json;q=nonsense", json),
            (",,;", None),
        ] {
            assert_eq!(accepted(accept), expected, "{accept}");
        }
        assert_eq!(MediaType::accepted(&HeaderMap::new()), json);
    }
}
