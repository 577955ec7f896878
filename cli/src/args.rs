//! The command line of one command: options as they come, and what is wrong with them.

use crate::address::{Address, BadAddress};
use crate::exit::Failure;
use crate::units::UnitError;
use lexopt::{Arg, Parser};
use std::ffi::OsString;

/// The arguments behind the command's name.
pub(crate) struct Args {
    parser: Parser,
    command: &'static str,
}

impl Args {
    /// What is left in `parser` after the name of `command`.
    pub(crate) fn new(parser: Parser, command: &'static str) -> Args {
        Args { parser, command }
    }

    /// The next argument.
    pub(crate) fn next(&mut self) -> Result<Option<Arg<'_>>, Failure> {
        let command = self.command;
        self.parser.next().map_err(|error| Failure::Arguments { command, error })
    }

    /// The value of `option`, read by `read`.
    pub(crate) fn option<T>(
        &mut self,
        option: &'static str,
        read: impl Fn(&str) -> Result<T, UnitError>,
    ) -> Result<T, Failure> {
        let given = self.value()?;
        read(&given).map_err(|error| Failure::Option { option, given, error })
    }

    /// The value of `option`, one of the `allowed` words, which `read` knows.
    pub(crate) fn choice<T>(
        &mut self,
        option: &'static str,
        read: impl Fn(&str) -> Option<T>,
        allowed: &'static str,
    ) -> Result<T, Failure> {
        let given = self.value()?;
        read(&given).ok_or(Failure::Choice { option, given, allowed })
    }

    /// As [`Args::option`], for a number that must not be 0.
    pub(crate) fn positive(
        &mut self,
        option: &'static str,
        read: impl Fn(&str) -> Result<u64, UnitError>,
    ) -> Result<u64, Failure> {
        match self.option(option, read)? {
            0 => Err(Failure::Zero { option }),
            number => Ok(number),
        }
    }

    fn value(&mut self) -> Result<String, Failure> {
        let command = self.command;
        let given = self.parser.value().map_err(|error| Failure::Arguments { command, error })?;
        Ok(given.to_string_lossy().into_owned())
    }

    /// An argument that the command does not have.
    pub(crate) fn refused(&self, error: lexopt::Error) -> Failure {
        Failure::Arguments { command: self.command, error }
    }

    /// An argument is not there.
    pub(crate) fn missing(&self, what: &'static str) -> Failure {
        Failure::Missing { command: self.command, what }
    }

    /// Two options were given of which only one can be.
    pub(crate) fn both(&self, one: &'static str, other: &'static str) -> Failure {
        Failure::Both { command: self.command, options: [one, other] }
    }
}

/// Reads an address.
pub(crate) fn address(given: OsString) -> Result<Address, Failure> {
    Address::parse(&given).map_err(|error| Failure::Address(BadAddress { given, error }))
}
