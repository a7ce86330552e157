//! What is asked and what comes back.

use bytes::Bytes;
use reqwest::{
    Method,
    header::{HeaderName, HeaderValue},
};

use crate::model::backend::{ErrorKind, SourceError};

/// One question.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) missing: ErrorKind,
    /// What it writes, as JSON.
    pub(super) json: Option<String>,
    /// It changes something: it is sent once, as it is.
    pub(super) once: bool,
    /// That it fails says nothing of the backend's health.
    pub(super) aside: bool,
    /// An answer that is too large is read as far as may be.
    pub(super) beginning: bool,
}

impl Request {
    /// GET `path` below the base address.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            params: Vec::new(),
            headers: Vec::new(),
            missing: ErrorKind::NotSupported,
            json: None,
            once: false,
            aside: false,
            beginning: false,
        }
    }

    /// A reading POST with its parameters as a form: queries too long for a URL.
    pub fn post(path: impl Into<String>) -> Self {
        Self { method: Method::POST, ..Self::get(path) }
    }

    /// A POST that writes.
    pub fn json(path: impl Into<String>, body: String) -> Self {
        Self { method: Method::POST, json: Some(body), once: true, ..Self::get(path) }
    }

    /// A DELETE.
    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, once: true, ..Self::get(path) }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn param(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.params.push((name, value.into()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    /// What a 404 means: the thing, not the API, does not exist.
    #[must_use]
    pub fn thing(mut self) -> Self {
        self.missing = ErrorKind::NotFound;
        self
    }

    /// Asks for something that need not be there: a failure says nothing of the backend's health.
    #[must_use]
    pub fn aside(mut self) -> Self {
        self.aside = true;
        self
    }

    /// Asks for something of which the beginning is better than nothing: see [`Answer::cut`].
    #[must_use]
    pub fn beginning(mut self) -> Self {
        self.beginning = true;
        self
    }

    /// The query's text for the log, cut; other parameters are times and limits and are left out.
    pub(super) fn shown_query(&self) -> String {
        const CUT: usize = 200;
        let Some((name, text)) = self.params.iter().find(|(n, _)| matches!(*n, "query" | "q" | "tags" | "match[]")) else {
            return String::new();
        };
        let cut: String = text.chars().take(CUT).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let more = if text.chars().nth(CUT).is_some() { "…" } else { "" };
        format!(" {name}={cut}{more}")
    }
}

/// Why something that is sent once got no answer that says it was done.
#[derive(Clone, Debug)]
pub struct Unsent {
    /// Why.
    pub error: SourceError,
    /// The server may have done it all the same.
    pub taken: bool,
}

/// A complete successful answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 200, or 204 without a body.
    pub status: u16,
    /// `Content-Type`, or nothing.
    pub content_type: String,
    /// Decompressed.
    pub body: Bytes,
    /// Whether it is the beginning of a larger one.
    pub cut: bool,
}
