//! The grammar of operations and fragments.

use std::ops::Range;

use super::lexer::{Token, TokenKind};
use super::syntax_error::SyntaxError;

/// How deep selections, values and types may nest.
pub(crate) const DEEPEST: usize = 200;

pub(super) type Checked = Result<(), SyntaxError>;

/// Whether variables may stand in a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variables {
    Allowed,
    Refused,
}

/// Goes through the tokens of a document, and stops at the first that the grammar does not have
/// there.
pub(super) struct Grammar<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    /// Where the descriptions of operations, fragments and variables are.
    pub(super) descriptions: Vec<Range<usize>>,
}

impl<'a> Grammar<'a> {
    /// The tokens end in [`TokenKind::End`].
    pub(super) fn new(text: &'a str, tokens: &'a [Token]) -> Self {
        Self {
            text,
            tokens,
            at: 0,
            depth: 0,
            descriptions: Vec::new(),
        }
    }

    pub(super) fn document(&mut self) -> Checked {
        loop {
            self.definition()?;
            if self.token().kind == TokenKind::End {
                return Ok(());
            }
        }
    }

    /// A value without variables, and nothing behind it.
    pub(super) fn only_literal(&mut self) -> Checked {
        self.literal(Variables::Refused)?;
        match self.token().kind {
            TokenKind::End => Ok(()),
            _ => Err(self.unexpected()),
        }
    }

    fn definition(&mut self) -> Checked {
        if self.is_at(b'{') {
            return self.selection_set();
        }
        let description = self.description();
        let keyword = match self.token().kind {
            TokenKind::Name => self.value(),
            _ => return Err(self.unexpected()),
        };
        match keyword {
            "query" | "mutation" | "subscription" => {
                self.descriptions.extend(description);
                self.advance();
                if self.token().kind == TokenKind::Name {
                    self.advance();
                }
                self.optional_many(b'(', b')', Self::variable_definition)?;
                self.directives(Variables::Allowed)?;
                self.selection_set()
            }
            "fragment" => {
                self.descriptions.extend(description);
                self.advance();
                self.fragment_name()?;
                self.keyword("on")?;
                self.name()?;
                self.directives(Variables::Allowed)?;
                self.selection_set()
            }
            "extend" if description.is_none() => self.extension(),
            _ => self.type_system_definition(),
        }
    }

    fn variable_definition(&mut self) -> Checked {
        let description = self.description();
        self.descriptions.extend(description);
        self.expect(b'$')?;
        self.name()?;
        self.expect(b':')?;
        self.type_reference()?;
        self.default_value()?;
        self.const_directives()
    }

    fn selection_set(&mut self) -> Checked {
        self.nested(|grammar| grammar.many(b'{', b'}', Self::selection))
    }

    fn selection(&mut self) -> Checked {
        if self.take(b'.') {
            let has_condition = self.take_keyword("on");
            if has_condition {
                self.name()?;
            } else if self.token().kind == TokenKind::Name {
                self.fragment_name()?;
                return self.directives(Variables::Allowed);
            }
            self.directives(Variables::Allowed)?;
            return self.selection_set();
        }
        self.name()?;
        if self.take(b':') {
            self.name()?;
        }
        self.arguments(Variables::Allowed)?;
        self.directives(Variables::Allowed)?;
        if self.is_at(b'{') {
            self.selection_set()?;
        }
        Ok(())
    }

    fn fragment_name(&mut self) -> Checked {
        if self.token().kind == TokenKind::Name && self.value() == "on" {
            return Err(self.unexpected());
        }
        self.name()
    }

    fn arguments(&mut self, variables: Variables) -> Checked {
        self.optional_many(b'(', b')', |grammar| grammar.named_value(variables))
    }

    fn named_value(&mut self, variables: Variables) -> Checked {
        self.name()?;
        self.expect(b':')?;
        self.literal(variables)
    }

    fn directives(&mut self, variables: Variables) -> Checked {
        while self.take(b'@') {
            self.name()?;
            self.arguments(variables)?;
        }
        Ok(())
    }

    pub(super) fn const_directives(&mut self) -> Checked {
        self.directives(Variables::Refused)
    }

    pub(super) fn default_value(&mut self) -> Checked {
        if self.take(b'=') {
            self.literal(Variables::Refused)?;
        }
        Ok(())
    }

    fn literal(&mut self, variables: Variables) -> Checked {
        match self.token().kind {
            TokenKind::Punctuator(b'[') => {
                self.nested(|grammar| grammar.any(b'[', b']', |grammar| grammar.literal(variables)))
            }
            TokenKind::Punctuator(b'{') => self.nested(|grammar| {
                grammar.any(b'{', b'}', |grammar| grammar.named_value(variables))
            }),
            TokenKind::Int
            | TokenKind::Float
            | TokenKind::String
            | TokenKind::BlockString
            | TokenKind::Name => {
                self.advance();
                Ok(())
            }
            TokenKind::Punctuator(b'$') if variables == Variables::Allowed => {
                self.advance();
                self.name()
            }
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn type_reference(&mut self) -> Checked {
        self.nested(|grammar| {
            if grammar.take(b'[') {
                grammar.type_reference()?;
                grammar.expect(b']')?;
            } else {
                grammar.name()?;
            }
            grammar.take(b'!');
            Ok(())
        })
    }

    /// Goes past a description, and says where it was.
    pub(super) fn description(&mut self) -> Option<Range<usize>> {
        let token = self.token();
        let place = matches!(token.kind, TokenKind::String | TokenKind::BlockString)
            .then(|| token.place.clone());
        if place.is_some() {
            self.advance();
        }
        place
    }

    pub(super) fn name(&mut self) -> Checked {
        if self.token().kind != TokenKind::Name {
            return Err(self.expected(TokenKind::Name));
        }
        self.advance();
        Ok(())
    }

    pub(super) fn keyword(&mut self, keyword: &str) -> Checked {
        if self.take_keyword(keyword) {
            return Ok(());
        }
        let message = format!("Expected \"{keyword}\", found {}.", self.shown());
        Err(SyntaxError::new(message, self.token().place.start))
    }

    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let taken = self.token().kind == TokenKind::Name && self.value() == keyword;
        if taken {
            self.advance();
        }
        taken
    }

    pub(super) fn expect(&mut self, sign: u8) -> Checked {
        if self.take(sign) {
            return Ok(());
        }
        Err(self.expected(TokenKind::Punctuator(sign)))
    }

    pub(super) fn take(&mut self, sign: u8) -> bool {
        let taken = self.is_at(sign);
        if taken {
            self.advance();
        }
        taken
    }

    pub(super) fn is_at(&self, sign: u8) -> bool {
        self.token().kind == TokenKind::Punctuator(sign)
    }

    /// None or more between two signs.
    fn any(&mut self, open: u8, close: u8, mut one: impl FnMut(&mut Self) -> Checked) -> Checked {
        self.expect(open)?;
        while !self.take(close) {
            one(self)?;
        }
        Ok(())
    }

    /// One or more between two signs.
    pub(super) fn many(
        &mut self,
        open: u8,
        close: u8,
        mut one: impl FnMut(&mut Self) -> Checked,
    ) -> Checked {
        self.expect(open)?;
        one(self)?;
        while !self.take(close) {
            one(self)?;
        }
        Ok(())
    }

    /// One or more between two signs, or nothing at all.
    pub(super) fn optional_many(
        &mut self,
        open: u8,
        close: u8,
        one: impl FnMut(&mut Self) -> Checked,
    ) -> Checked {
        if self.is_at(open) {
            self.many(open, close, one)?;
        }
        Ok(())
    }

    /// One level deeper.
    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Checked) -> Checked {
        if self.depth == DEEPEST {
            let message = format!("Document nests deeper than {DEEPEST} levels.");
            return Err(SyntaxError::new(message, self.token().place.start));
        }
        self.depth += 1;
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    /// What was not expected here.
    pub(super) fn unexpected(&self) -> SyntaxError {
        let message = format!("Unexpected {}.", self.shown());
        SyntaxError::new(message, self.token().place.start)
    }

    fn expected(&self, kind: TokenKind) -> SyntaxError {
        let message = format!("Expected {kind}, found {}.", self.shown());
        SyntaxError::new(message, self.token().place.start)
    }

    fn shown(&self) -> String {
        match self.token().kind {
            kind @ (TokenKind::Punctuator(_) | TokenKind::End) => kind.to_string(),
            kind @ (TokenKind::Name | TokenKind::Int | TokenKind::Float) => {
                format!("{kind} \"{}\"", self.value())
            }
            kind @ (TokenKind::String | TokenKind::BlockString) => {
                format!("{kind} \"{}\"", self.value().trim_matches('"'))
            }
        }
    }

    pub(super) fn value(&self) -> &'a str {
        &self.text[self.token().place.clone()]
    }

    /// The last token is the end, which is never gone past.
    fn token(&self) -> &'a Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// How many tokens have been gone past.
    pub(super) fn progress(&self) -> usize {
        self.at
    }
}
