//! The grammar of type system definitions. A document with one is refused, but for that reason
//! and not for its syntax.

use super::grammar::{Checked, Grammar};

/// Where a directive may be used, by the names that a definition of one says.
const LOCATIONS: [&str; 19] = [
    "QUERY",
    "MUTATION",
    "SUBSCRIPTION",
    "FIELD",
    "FRAGMENT_DEFINITION",
    "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION",
    "SCHEMA",
    "SCALAR",
    "OBJECT",
    "FIELD_DEFINITION",
    "ARGUMENT_DEFINITION",
    "INTERFACE",
    "UNION",
    "ENUM",
    "ENUM_VALUE",
    "INPUT_OBJECT",
    "INPUT_FIELD_DEFINITION",
];

impl Grammar<'_> {
    /// A definition from its keyword on.
    pub(super) fn type_system_definition(&mut self) -> Checked {
        match self.value() {
            "schema" => {
                self.advance();
                self.const_directives()?;
                self.many(b'{', b'}', Self::root_operation)
            }
            "directive" => self.directive_definition(),
            _ => self.named_type(),
        }
    }

    /// An extension says something beside the name of what it extends.
    pub(super) fn extension(&mut self) -> Checked {
        self.advance();
        if self.take_keyword("schema") {
            let start = self.progress();
            self.const_directives()?;
            self.optional_many(b'{', b'}', Self::root_operation)?;
            return self.went_on_since(start);
        }
        let start = self.progress();
        self.named_type()?;
        // Past the keyword and the name.
        self.went_on_since(start + 2)
    }

    fn went_on_since(&self, start: usize) -> Checked {
        if self.progress() == start {
            return Err(self.unexpected());
        }
        Ok(())
    }

    fn named_type(&mut self) -> Checked {
        let keyword = self.value();
        if !matches!(
            keyword,
            "scalar" | "type" | "interface" | "union" | "enum" | "input"
        ) {
            return Err(self.unexpected());
        }
        self.advance();
        self.name()?;
        if matches!(keyword, "type" | "interface") && self.take_keyword("implements") {
            self.delimited(b'&', Self::name)?;
        }
        self.const_directives()?;
        match keyword {
            "type" | "interface" => self.optional_many(b'{', b'}', Self::field_definition),
            "input" => self.optional_many(b'{', b'}', Self::input_value),
            "enum" => self.optional_many(b'{', b'}', Self::enum_value),
            "union" if self.take(b'=') => self.delimited(b'|', Self::name),
            _ => Ok(()),
        }
    }

    fn root_operation(&mut self) -> Checked {
        if !matches!(self.value(), "query" | "mutation" | "subscription") {
            return Err(self.unexpected());
        }
        self.name()?;
        self.expect(b':')?;
        self.name()
    }

    fn field_definition(&mut self) -> Checked {
        self.description();
        self.name()?;
        self.optional_many(b'(', b')', Self::input_value)?;
        self.expect(b':')?;
        self.type_reference()?;
        self.const_directives()
    }

    fn input_value(&mut self) -> Checked {
        self.description();
        self.name()?;
        self.expect(b':')?;
        self.type_reference()?;
        self.default_value()?;
        self.const_directives()
    }

    fn enum_value(&mut self) -> Checked {
        self.description();
        if matches!(self.value(), "true" | "false" | "null") {
            return Err(self.unexpected());
        }
        self.name()?;
        self.const_directives()
    }

    fn directive_definition(&mut self) -> Checked {
        self.advance();
        self.expect(b'@')?;
        self.name()?;
        self.optional_many(b'(', b')', Self::input_value)?;
        self.take_keyword("repeatable");
        self.keyword("on")?;
        self.delimited(b'|', |grammar| {
            if !LOCATIONS.contains(&grammar.value()) {
                return Err(grammar.unexpected());
            }
            grammar.name()
        })
    }

    /// One or more with a sign between them, and perhaps one before.
    fn delimited(&mut self, sign: u8, mut one: impl FnMut(&mut Self) -> Checked) -> Checked {
        self.take(sign);
        one(self)?;
        while self.take(sign) {
            one(self)?;
        }
        Ok(())
    }
}
