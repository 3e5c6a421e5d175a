use crate::blob::{Catalog, Icon, Package};
use crate::{Error, media_type};

/// The catalog that `opm init` begins: one package. `icon` is the content of an image file, whose type is found out.
pub fn init(name: &str, default_channel: &str, icon: Option<&[u8]>, description: &str) -> Result<Catalog, Error> {
    let icon = icon
        .map(|data| {
            let media_type = media_type::of_image(data)?;
            Ok::<_, Error>(Icon { data: Some(data.to_vec()), media_type: media_type.to_owned() })
        })
        .transpose()?;
    let package = Package {
        name: name.to_owned(),
        default_channel: default_channel.to_owned(),
        icon,
        description: description.to_owned(),
        ..Package::default()
    };
    Ok(Catalog { packages: vec![package], ..Catalog::default() })
}
