//! A C program against the header and both forms of the library.
//!
//! `cargo test` builds neither form, as no Rust test can link them: so the test asks cargo for them
//! and for where they are.

use annulus_testkit::{Child, Exit, Output, ScratchDir, skip};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const BUILD: Duration = Duration::from_secs(600);
const RUN: Duration = Duration::from_secs(20);
const STRICT: [&str; 5] = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"];
const HERE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn a_c_program_gets_the_versions_from_the_shared_library() {
    let library = library("libannulus.so");
    let folder = library.parent().unwrap();
    let rpath = format!("-Wl,-rpath,{}", folder.display());
    let dir = ScratchDir::new();
    let program = compile(&dir, &[library.to_str().unwrap(), &rpath]);
    assert_eq!(said_by(&program), expected());
}

#[test]
fn a_c_program_gets_the_versions_from_the_static_library() {
    let library = library("libannulus.a");
    let dir = ScratchDir::new();
    // What `rustc --print native-static-libs` asks for beside the C library itself.
    let program = compile(
        &dir,
        &[library.to_str().unwrap(), "-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"],
    );
    assert_eq!(said_by(&program), expected());
}

#[test]
fn the_header_is_cpp_too() {
    let nothing = &["-x", "c++", "-fsyntax-only", "/dev/null"];
    if cc(nothing).exit != Exit::Code(0) {
        skip!("no C++ compiler: install g++");
    }
    let header = format!("{HERE}/include/annulus.h");
    cc(&["-x", "c++", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", &header]).assert_success();
}

fn expected() -> String {
    format!("{} {}\n", engine::VERSION, engine::layout::ABI_VERSION)
}

fn said_by(program: &Path) -> String {
    Child::spawn(&mut Command::new(program)).wait_within(RUN).assert_success().stdout()
}

fn compile(dir: &ScratchDir, with: &[&str]) -> PathBuf {
    let program = dir.file("version");
    let (include, source) = (format!("-I{HERE}/include"), format!("{HERE}/tests/version.c"));
    let to = ["-o", program.to_str().unwrap(), &include, &source];
    cc(&[&STRICT[..], &to, with].concat()).assert_success();
    program
}

fn cc(args: &[&str]) -> Output {
    match Child::try_spawn(Command::new("cc").args(args)) {
        Ok(mut compiler) => compiler.wait_within(BUILD),
        Err(error) => panic!("the C compiler cc cannot be started ({error}): install gcc"),
    }
}

/// Builds the library as this test was built, and gives the path of the form called `name`.
fn library(name: &str) -> PathBuf {
    // Where this test's own target folder is, however it was chosen.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline", "--package", "annulus-ffi", "--message-format", "json"]);
    cargo.arg("--target-dir").arg(target).current_dir(HERE);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let messages = Child::spawn(&mut cargo).wait_within(BUILD).assert_success().stdout();
    // Of all the strings in cargo's messages, the path that ends so.
    let ending = format!("/{name}");
    let path = messages.split('"').rfind(|text| text.ends_with(&ending));
    path.unwrap_or_else(|| panic!("cargo built no {name}: {messages}")).into()
}
