use serde_json::json;

use super::Browser;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Desktop,
    Phone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    Chinese,
}

/// What a browser says of the person and the machine in front of it.
#[derive(Clone, Copy)]
pub struct View {
    pub theme: Theme,
    pub size: Size,
    pub language: Language,
}

impl View {
    pub const USUAL: Self = Self {
        theme: Theme::Light,
        size: Size::Desktop,
        language: Language::English,
    };

    pub fn all() -> impl Iterator<Item = Self> {
        let languages = [Language::English, Language::Chinese];
        languages.into_iter().flat_map(|language| {
            let sizes = [Size::Desktop, Size::Phone];
            sizes.into_iter().flat_map(move |size| {
                let themes = [Theme::Light, Theme::Dark];
                themes.into_iter().map(move |theme| Self {
                    theme,
                    size,
                    language,
                })
            })
        })
    }

    /// For names of files: `light-phone-zh`.
    pub fn name(self) -> String {
        let size = match self.size {
            Size::Desktop => "desktop",
            Size::Phone => "phone",
        };
        let language = match self.language {
            Language::English => "en",
            Language::Chinese => "zh",
        };
        format!("{}-{size}-{language}", self.theme())
    }

    fn theme(self) -> &'static str {
        match self.theme {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// In pixels of style sheets.
    pub(super) fn size(self) -> (u32, u32) {
        match self.size {
            Size::Desktop => (1280, 800),
            Size::Phone => (390, 844),
        }
    }

    fn languages(self) -> &'static str {
        match self.language {
            Language::English => "en-GB,en",
            Language::Chinese => "zh-CN,zh",
        }
    }
}

impl Browser {
    /// How pages look that are opened from now on.
    pub async fn look_as(&mut self, view: View) {
        let driver = &self.driver;
        let (width, height) = view.size();
        let phone = view.size == Size::Phone;
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        driver
            .devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let scheme = json!({"name": "prefers-color-scheme", "value": view.theme()});
        let media = json!({"features": [scheme]});
        driver.devtools("Emulation.setEmulatedMedia", media).await;
        let version = driver.devtools("Browser.getVersion", json!({})).await;
        let agent = json!({"userAgent": version["userAgent"], "acceptLanguage": view.languages()});
        driver
            .devtools("Emulation.setUserAgentOverride", agent)
            .await;
        self.view = view;
    }
}
