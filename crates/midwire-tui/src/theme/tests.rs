//! What colours must be able to tell apart, and when there are none.

use super::*;

fn depth(pairs: &[(&str, &str)]) -> Depth {
    Depth::from_environment(|name| {
        let found = pairs.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn colours_are_used_where_they_are_wanted() {
    assert_eq!(depth(&[("TERM", "xterm-256color")]), Depth::Many);
    assert_eq!(depth(&[("TERM", "linux")]), Depth::Sixteen);
    assert_eq!(
        depth(&[("TERM", "screen"), ("COLORTERM", "truecolor")]),
        Depth::Many
    );
    assert_eq!(depth(&[("TERM", "dumb")]), Depth::None);
    assert_eq!(
        depth(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]),
        Depth::None
    );
    assert_eq!(
        depth(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]),
        Depth::Many
    );
    assert_eq!(
        depth(&[("TERM", "xterm-256color"), ("CLICOLOR", "0")]),
        Depth::None
    );
}

#[test]
fn without_colours_no_role_has_one() {
    let theme = Theme::new("dark", Depth::None, false);
    for role in [Role::Error, Role::Focus, Role::Highlight, Role::Text] {
        let style = theme.style(role);
        assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
    }
}

#[test]
fn every_palette_of_the_options_is_there() {
    let spec = midwire_core::options::spec("console_palette").unwrap();
    for name in spec.meta.choices {
        assert!(PALETTES.iter().any(|(known, _)| known == name), "{name}");
    }
}

/// The colour of an index of the 256 as light: red, green and blue, linear, 0 to 1.
fn linear(colour: Color) -> [f64; 3] {
    const FIRST: [[u8; 3]; 16] = [
        [0, 0, 0],
        [205, 0, 0],
        [0, 205, 0],
        [205, 205, 0],
        [0, 0, 238],
        [205, 0, 205],
        [0, 205, 205],
        [229, 229, 229],
        [127, 127, 127],
        [255, 0, 0],
        [0, 255, 0],
        [255, 255, 0],
        [92, 92, 255],
        [255, 0, 255],
        [0, 255, 255],
        [255, 255, 255],
    ];
    let Color::Indexed(index) = colour else {
        panic!("{colour:?} is none of the 256");
    };
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    let rgb = match index {
        0..16 => FIRST[usize::from(index)],
        16..232 => {
            let n = index - 16;
            [level(n / 36), level(n / 6 % 6), level(n % 6)]
        }
        232.. => [8 + 10 * (index - 232); 3],
    };
    rgb.map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    })
}

fn luminance([r, g, b]: [f64; 3]) -> f64 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Contrast of two colours (WCAG 2.1, 1.4.3): 1 to 21.
fn contrast(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(linear(one)), luminance(linear(other)));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// How people without one kind of cones see a colour (Machado, Oliveira, Fernandes 2009, severity 1).
const PROTAN: [[f64; 3]; 3] = [
    [0.152_286, 1.052_583, -0.204_868],
    [0.114_503, 0.786_281, 0.099_216],
    [-0.003_882, -0.048_116, 1.051_998],
];
const DEUTAN: [[f64; 3]; 3] = [
    [0.367_322, 0.860_646, -0.227_968],
    [0.280_085, 0.672_501, 0.047_413],
    [-0.011_820, 0.042_940, 0.968_881],
];
const TRITAN: [[f64; 3]; 3] = [
    [1.255_528, -0.076_749, -0.178_779],
    [-0.078_411, 0.930_809, 0.147_602],
    [0.004_733, 0.691_367, 0.303_900],
];

/// Distance of two colours as seen through a matrix, in steps of CIE L*a*b*.
#[expect(clippy::many_single_char_names, reason = "the names of colour spaces")]
fn distance(one: Color, other: Color, eyes: &[[f64; 3]; 3]) -> f64 {
    let seen = |colour: Color| {
        let c = linear(colour);
        let [r, g, b] = eyes.map(|row| {
            let sum: f64 = row.iter().zip(c).map(|(a, b)| a * b).sum();
            sum.clamp(0.0, 1.0)
        });
        let f = |t: f64| {
            if t > 0.008_856 {
                t.cbrt()
            } else {
                7.787 * t + 16.0 / 116.0
            }
        };
        let x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
        let y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
        let z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    };
    let (one, other) = (seen(one), seen(other));
    let squares = one.iter().zip(other).map(|(a, b)| (a - b).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn good_and_bad_differ_for_all_eyes() {
    for (name, base) in PALETTES {
        if name.starts_with("low") {
            // What the 16 look like is the terminal's business.
            assert_ne!(base.good, Color::Green, "{name}");
            continue;
        }
        let eyes: &[(&str, &[[f64; 3]; 3])] = match *name {
            "blue_yellow_safe" => &[("tritan", &TRITAN)],
            _ => &[("protan", &PROTAN), ("deutan", &DEUTAN)],
        };
        for (kind, matrix) in eyes {
            let pairs = [("good and bad", base.good, base.bad)];
            let warn = [
                ("good and warn", base.good, base.warn),
                ("bad and warn", base.bad, base.warn),
            ];
            let all = if name.ends_with("_safe") {
                &warn[..]
            } else {
                &[]
            };
            for (what, one, other) in pairs.iter().chain(all) {
                let distance = distance(*one, *other, matrix);
                assert!(distance > 20.0, "{name}: {what} for {kind}: {distance:.1}");
            }
        }
    }
}

#[test]
fn text_can_be_read_in_every_palette() {
    let mut failures = Vec::new();
    for (name, base) in PALETTES.iter().filter(|(name, _)| !name.starts_with("low")) {
        let least = if *name == "high_contrast" { 7.0 } else { 4.5 };
        for (what, colour) in [
            ("text", base.text),
            ("dim", base.dim),
            ("good", base.good),
            ("info", base.info),
            ("warn", base.warn),
            ("bad", base.bad),
            ("violet", base.violet),
            ("cyan", base.cyan),
            ("yellow", base.yellow),
        ] {
            let contrast = contrast(colour, base.background);
            if contrast < least {
                failures.push(format!("{name} {what}: {contrast:.2}"));
            }
        }
        let bar = contrast(base.bar_text, base.bar);
        if bar < least {
            failures.push(format!("{name} bar: {bar:.2}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
