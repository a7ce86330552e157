use std::{fs, path::PathBuf};

use ratatui::style::Modifier;

use super::{
    color::{linear, oklab},
    *,
};

const BLACK: [f64; 3] = [0.0; 3];
const WHITE: [f64; 3] = [1.0; 3];

fn builtin(name: &str) -> Theme {
    let (theme, warnings) = load(name, "config.toml:3:9", &[]);
    assert_eq!(warnings, [], "{name}");
    theme
}

fn rgb(color: Color) -> [f64; 3] {
    let Color::Rgb(r, g, b) = color else { panic!("{color} is not #rrggbb") };
    linear((r, g, b))
}

/// WCAG 2 contrast.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let luminance = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

#[test]
fn every_builtin_theme_gives_every_role_a_style() {
    for (name, text) in BUILTIN {
        let theme = builtin(name);
        assert_eq!(theme.name, name);
        for role in Role::ALL {
            assert!(text.contains(&format!("\n{} = ", role.name())), "{name} has no {}", role.name());
            assert_ne!(theme.style(*role), Style::new(), "{name}: {}", role.name());
        }
    }
}

#[test]
fn text_can_be_read_on_its_background() {
    for (name, backgrounds) in [("dark", vec![BLACK, linear((0x1e, 0x1e, 0x1e))]), ("light", vec![WHITE])] {
        let theme = builtin(name);
        for background in backgrounds {
            for role in Role::ALL.iter().filter(|r| !matches!(r, Role::Match | Role::Selection)) {
                let Some(Color::Rgb(..)) = theme.style(*role).fg else { continue };
                let least = if *role == Role::Border { 3.0 } else { 4.5 };
                let found = contrast(rgb(theme.style(*role).fg.unwrap()), background);
                assert!(found >= least, "{name}: {} has contrast {found:.2}", role.name());
            }
            for hue in 0..SERVICE_HUES {
                let found = contrast(rgb(theme.hue(hue).fg.unwrap()), background);
                assert!(found >= 3.0, "{name}: service hue {hue} has contrast {found:.2}");
            }
        }
        let found = theme.style(Role::Match);
        assert!(contrast(rgb(found.fg.unwrap()), rgb(found.bg.unwrap())) >= 4.5, "{name}: match");
    }
}

/// What eyes without red cones, or without green ones, see (Machado 2009, complete).
const EYES: [[[f64; 3]; 3]; 2] = [
    [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
    [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
];

fn seen_by(eye: &[[f64; 3]; 3], color: [f64; 3]) -> [f64; 3] {
    eye.map(|row| (0..3).map(|i| row[i] * color[i]).sum::<f64>().clamp(0.0, 1.0))
}

fn apart(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (a, b) = (oklab(a), oklab(b));
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}

/// The angle of a colour's hue in degrees; none of a colour that is almost grey.
fn angle(color: [f64; 3]) -> Option<f64> {
    let [_, a, b] = oklab(color);
    (a.hypot(b) > 0.08).then(|| b.atan2(a).to_degrees())
}

#[test]
fn service_hues_stay_apart_for_colour_blind_eyes_too() {
    for name in ["dark", "light"] {
        let theme = builtin(name);
        let hues: Vec<[f64; 3]> = (0..SERVICE_HUES).map(|i| rgb(theme.hue(i).fg.unwrap())).collect();
        for (i, a) in hues.iter().enumerate() {
            for (j, b) in hues.iter().enumerate().skip(i + 1) {
                assert!(apart(*a, *b) >= 0.12, "{name}: {i} and {j}");
                for eye in &EYES {
                    let found = apart(seen_by(eye, *a), seen_by(eye, *b));
                    assert!(found >= 0.07, "{name}: {i} and {j} are {found:.3} apart");
                }
            }
            for (role, least) in [(Role::Bad, 0.1), (Role::Warn, 0.08), (Role::Dim, 0.1)] {
                let found = apart(*a, rgb(theme.style(role).fg.unwrap()));
                assert!(found >= least, "{name}: hue {i} is {found:.3} from {}", role.name());
            }
            // However light it is: what is as red as a failure looks like one.
            let (angle, bad) = (angle(*a), angle(rgb(theme.style(Role::Bad).fg.unwrap())));
            assert!(angle.is_none_or(|angle| (angle - bad.unwrap()).abs() >= 15.0), "{name}: hue {i} is red");
        }
    }
}

#[test]
fn no_theme_paints_a_background_but_under_a_match() {
    for (name, _) in BUILTIN {
        let theme = builtin(name);
        for role in Role::ALL.iter().filter(|r| **r != Role::Match) {
            assert_eq!(theme.style(*role).bg, None, "{name}: {}", role.name());
        }
    }
}

#[test]
fn selection_is_reversed_only_with_16_colours() {
    let reversed = |name: &str| builtin(name).style(Role::Selection).add_modifier.contains(Modifier::REVERSED);
    assert_eq!((reversed("dark"), reversed("light"), reversed("terminal")), (false, false, true));
    for role in Role::ALL {
        let style = builtin("terminal").style(*role);
        assert!(!matches!(style.fg, Some(Color::Rgb(..) | Color::Indexed(_))), "{}", role.name());
    }
}

#[test]
fn without_colours_bold_and_reverse_remain() {
    let theme = builtin("dark").downgrade(ColorSupport::None);
    assert!(
        Role::ALL
            .iter()
            .all(|r| theme.style(*r).fg.is_none_or(|c| c == Color::Reset) && theme.style(*r).bg.is_none_or(|c| c == Color::Reset))
    );
    assert!(theme.style(Role::Title).add_modifier.contains(Modifier::BOLD));
    assert!(theme.style(Role::Match).add_modifier.contains(Modifier::REVERSED), "a match shows without its colours");
    assert_eq!(theme.hue(6), Style::new().fg(Color::Reset));
}

#[test]
fn fewer_colours_keep_failing_deviating_and_secondary_apart() {
    for support in [ColorSupport::Ansi16, ColorSupport::Ansi256] {
        for name in ["dark", "light", "terminal"] {
            let theme = builtin(name).downgrade(support);
            let fg = |role| theme.style(role).fg.unwrap();
            assert_ne!(fg(Role::Bad), fg(Role::Warn), "{name}");
            assert_ne!(fg(Role::Bad), fg(Role::Dim), "{name}");
            assert_ne!(fg(Role::Warn), fg(Role::Dim), "{name}");
            assert_ne!(fg(Role::Accent), fg(Role::Bad), "{name}");
            assert!(Role::ALL.iter().all(|r| !matches!(theme.style(*r).fg, Some(Color::Rgb(..)))));
        }
    }
}

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().to_owned();
    (folder, vec![path])
}

#[test]
fn a_users_theme_changes_what_it_names_and_inherits_the_rest() {
    let (_keep, folders) = folder(&[("mine.toml", "inherits = 'light'\n[roles]\nbad = { fg = 'magenta', bold = true }\n")]);
    let (theme, warnings) = load("mine", "", &folders);
    assert_eq!(warnings, []);
    assert_eq!(theme.style(Role::Bad), Style::new().fg(Color::Magenta).add_modifier(Modifier::BOLD));
    assert_eq!(theme.style(Role::Warn), builtin("light").style(Role::Warn));
    assert_eq!(theme.name, "mine");
}

#[test]
fn a_users_dark_may_inherit_the_builtin_dark() {
    let (_keep, folders) = folder(&[("dark.toml", "inherits = 'dark'\n[roles]\nbad = 'magenta'\n")]);
    let (theme, warnings) = load("dark", "", &folders);
    assert_eq!(warnings, []);
    assert_eq!(theme.style(Role::Bad).fg, Some(Color::Magenta));
    assert_eq!(theme.style(Role::Warn), builtin("dark").style(Role::Warn));
}

fn said(name: &str, files: &[(&str, &str)]) -> Vec<String> {
    let (keep, folders) = folder(files);
    let (theme, warnings) = load(name, "config.toml:3:9", &folders);
    assert_eq!(theme.style(Role::Warn), builtin("dark").style(Role::Warn), "what is right stays");
    let prefix = format!("{}/", keep.path().display());
    warnings.iter().map(|w| w.to_string().replace(&prefix, "")).collect()
}

#[test]
fn what_is_wrong_in_a_theme_is_said_with_its_line_and_left_out() {
    let text = "[roles]\nbda = 'red'\ngood = 'grren'\ndim = 3\n[role]\n";
    let expected = [
        "m.toml:2:1: unknown key `bda` in [roles]. Did you mean `bad`?",
        "m.toml:3:8: no colour \"grren\". Write \"#rrggbb\", a name like \"red\" or \"light blue\", a number \"0\" to \"255\", or \"default\".",
        "m.toml:4:7: `roles.dim` is an integer. Write a string.",
        "m.toml:5:2: unknown key `role` at the top level. Did you mean `roles`?",
    ];
    assert_eq!(said("m", &[("m.toml", text)]), expected);
    assert_eq!(said("m", &[("m.toml", "services = ['red']")]), ["m.toml:1:12: 1 service colours. Write 12."]);
    assert_eq!(said("m", &[("m.toml", "[roles")]).len(), 1);
    assert_eq!(said("drak", &[]), ["config.toml:3:9: there is no theme \"drak\". Did you mean \"dark\"?"]);
    assert_eq!(said("m", &[("m.toml", "inherits = 'drak'")]), ["m.toml:1:12: there is no theme \"drak\". Did you mean \"dark\"?"]);
    assert_eq!(said("../x", &[]).len(), 1);
}

#[test]
fn themes_that_inherit_in_a_circle_end() {
    let (_keep, folders) = folder(&[("a.toml", "inherits = 'b'"), ("b.toml", "inherits = 'a'")]);
    let (_, warnings) = load("a", "", &folders);
    assert!(warnings[0].message.contains("circle"), "{warnings:?}");
}
