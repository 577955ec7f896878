//! `annulus rm`: takes the names of rings away that nobody holds, or of any by force.

use crate::address::{Address, AddressError, BadAddress};
use crate::args::{self, Args};
use crate::exit::{self, Failure, Status};
use crate::usage;
use annulus::Backing;
use annulus::segment::{Removal, remove};
use lexopt::prelude::{Long, Short, Value};

/// What a file has at least that was a ring once: rings are published complete, so one that has
/// less was cut short by somebody, or is something else, and that cannot be known.
pub(crate) const MAGIC_BYTES: u64 = size_of_val(&annulus::layout::MAGIC) as u64;

/// Runs the command. Each address is tried; the status is that of the first failure.
pub(crate) fn run(args: Args) -> Result<Status, Failure> {
    let Some((addresses, removal)) = parse(args)? else { return usage::show(usage::RM) };
    let mut status = Status::Done;
    for address in addresses {
        if let Err(failure) = remove_one(&address, removal) {
            exit::note(&failure);
            status = if status == Status::Done { failure.status() } else { status };
        }
    }
    Ok(status)
}

fn parse(mut args: Args) -> Result<Option<(Vec<Address>, Removal)>, Failure> {
    let mut removal = Removal::Unheld;
    let mut addresses = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("force") => removal = Removal::Forced,
            // With options, a condition that is not met would be taken for one that is.
            Value(given) => {
                let has_options = given.as_encoded_bytes().contains(&b'?');
                addresses.push(args::address(given.clone())?);
                if has_options {
                    let error = AddressError::NoOptions;
                    return Err(Failure::Address(BadAddress { given, error }));
                }
            }
            other => {
                let error = other.unexpected();
                return Err(args.refused(error));
            }
        }
    }
    if addresses.is_empty() {
        Err(args.missing("an address"))
    } else {
        Ok(Some((addresses, removal)))
    }
}

fn remove_one(address: &Address, removal: Removal) -> Result<(), Failure> {
    let text = address.to_string();
    let Backing::Named(name) = &address.backing else {
        return Err(Failure::NotNamed { address: text });
    };
    match name.path().symlink_metadata() {
        Ok(file) if file.is_file() && file.len() < MAGIC_BYTES => {
            Err(Failure::NeverARing { address: text, bytes: file.len() })
        }
        _ => remove(name, removal).map_err(|error| Failure::Remove { address: text, error }),
    }
}
