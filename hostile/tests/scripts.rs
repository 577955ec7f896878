//! Scripts and images made of dice: what the fuzzer starts from, without its guidance.

use annulus::layout::{CONSUMER_GATE, DATA, HEAD, PRODUCER_GATE};
use annulus_hostile::image::{self, Got};
use annulus_hostile::script;
use annulus_hostile::words::BEDS;
use annulus_testkit::Random;

#[test]
fn scripts_by_chance_end() {
    let mut random = Random::new(7);
    let mut told = 0;
    for _ in 0..20_000 {
        let len = random.below(400) as usize;
        told += u64::from(script::run(&random.bytes(len)) > 0);
    }
    println!("{told} of 20000 scripts came to a corruption");
    assert!(told > 1_000, "{told} scripts came to a corruption");
}

#[test]
fn images_by_chance_are_refused_or_used() {
    let mut random = Random::new(8);
    let mut counts = [0; 3];
    for wait in image::WAITS {
        let good = image::good(256, wait).expect("a new segment");
        assert_eq!(image::run(&good).expect("a memory file"), Got::Joined);
        for _ in 0..1_500 {
            let mut changes = Vec::new();
            for _ in 0..1 + random.below(3) {
                let place = match random.below(7) {
                    0 => random.below(0x100) as usize,
                    1 => PRODUCER_GATE,
                    2 => CONSUMER_GATE,
                    3 => HEAD,
                    4 => DATA,
                    5 => BEDS[random.below(BEDS.len() as u64) as usize],
                    _ => DATA + random.below(256) as usize,
                };
                let word: [u8; 8] = std::array::from_fn(|i| good[(place + i).min(good.len() - 1)]);
                let flipped = u64::from_le_bytes(word) ^ 1 << random.below(64);
                changes.extend((place as u16).to_le_bytes());
                changes.push(if random.below(30) == 0 { u8::MAX } else { 0 });
                changes.extend(flipped.to_le_bytes());
            }
            let bytes = image::changed(&good, &changes);
            counts[image::run(&bytes).expect("a memory file") as usize] += 1;
        }
    }
    println!("{counts:?} were refused, attached, joined");
    assert!(counts.iter().all(|count| *count > 50), "{counts:?} were refused, attached, joined");
}
