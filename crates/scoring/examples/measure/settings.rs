//! Settings of the engine from `name=value` words.

use scoring::calibrated::{Family, Parameters, Rule};

/// The defaults with these settings.
pub fn of(settings: impl IntoIterator<Item = impl AsRef<str>>) -> Parameters {
    let mut parameters = Parameters::default();
    for setting in settings {
        let setting = setting.as_ref();
        let (name, value) = setting.split_once('=').unwrap();
        if name == "without" {
            for word in value.split(',') {
                if let Some(rule) = Rule::from_word(word) {
                    parameters.without |= 1 << rule as u64;
                } else {
                    let family = Family::from_word(word).unwrap();
                    for rule in Rule::ALL.into_iter().filter(|r| r.family() == family) {
                        parameters.without |= 1 << rule as u64;
                    }
                }
            }
            continue;
        }
        let number: f64 = value.parse().unwrap();
        match name {
            "rate" => parameters.rate = number,
            "calibrate" => parameters.calibrate = number > 0.0,
            "wake" => parameters.wake = number,

            "same" => parameters.same = number,

            "usual" => parameters.usual = number,
            "second" => parameters.second = number,
            "memory" => parameters.memory = number,
            "memory_kept" => parameters.memory_kept = number,
            "noise" => parameters.noise = number,
            "own" => parameters.own = number > 0.0,
            "materiality" => parameters.materiality = number,
            "further" => parameters.further = number,
            _ => panic!("{name}"),
        }
    }
    parameters
}
